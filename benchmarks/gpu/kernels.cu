// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdint>
#include <optional>

#include "../shapes.hpp"
#include "kernels.hpp"
#include "seqrec/data/batches/to_space.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/optim/adam.hpp"

namespace benchmarks {
namespace {

using seqrec::DeviceSpace;
using seqrec::index_t;
using seqrec::item_t;
using Context = Kernel::Context;
using Matrix = seqrec::Tensor<float, 2, DeviceSpace>;
using Vector = seqrec::Tensor<float, 1, DeviceSpace>;

constexpr index_t items = movielens_1m::items;

Matrix random(index_t rows, index_t columns, std::uint64_t stream, double scale = 1) {
  Matrix matrix(rows, columns);
  matrix.copy_from_host(random_matrix(rows, columns, stream, scale).view().data);
  return matrix;
}
Vector random(index_t size, std::uint64_t stream) {
  Vector vector(size);
  vector.copy_from_host(random_vector(size, stream).view().data);
  return vector;
}
/// Weights as a layer has them.
Matrix weights(index_t outputs, index_t inputs, std::uint64_t stream) {
  return random(outputs, inputs, stream, 1 / std::sqrt(static_cast<double>(inputs)));
}

/// Bytes of so many numbers of a row, of all rows.
double row_bytes(double rows, index_t numbers) { return sizeof(float) * rows * static_cast<double>(numbers); }
/// Operations of a product.
double product(double rows, index_t inputs, index_t outputs) {
  return 2 * rows * static_cast<double>(inputs) * static_cast<double>(outputs);
}

/// A batch of histories as long as MovieLens-1M's.
class DeviceBatch {
 public:
  DeviceBatch(index_t users, index_t max_length, const seqrec::BatchPlan& plan)
      : batcher_(split(), {.batch_size = users,
                           .max_length = max_length,
                           .plan = plan,
                           .token_budget = seqrec::rows_of_shard<Context::Team>(256),
                           .seed = 1}),
        host_(batcher_.make(0, 0)) {}
  DeviceBatch(const DeviceBatch&) = delete;

  index_t size() const { return host_.num_targets(); }
  double rows() const { return static_cast<double>(size()); }
  seqrec::TrainingBatch<seqrec::HostSpace> on_host() const { return host_.shard(0); }
  seqrec::TrainingBatch<DeviceSpace> on_device() {
    if (!target_) {
      target_ = std::make_unique<seqrec::BatchTarget<DeviceSpace>>(batcher_.constants());
      static_cast<void>(seqrec::to<DeviceSpace>(host_, *target_));
    }
    return seqrec::PlacedBatch<seqrec::HostTrainingBatch, DeviceSpace>(host_, *target_).shard(0);
  }
  /// Pairs of a row and a row of the same history that it may attend to.
  double causal_pairs() const {
    double pairs = 0;
    const auto histories = on_host().histories;
    for (index_t user = 0; user < histories.users(); ++user) {
      const auto length = static_cast<double>(histories.items.length(user));
      pairs += length * (length + 1) / 2;
    }
    return pairs;
  }

 private:
  static const seqrec::Split& split() {
    static const seqrec::Split of = seqrec::leave_one_out(movielens_1m_like());
    return of;
  }

  seqrec::Batcher batcher_;
  const seqrec::HostTrainingBatch& host_;
  std::unique_ptr<seqrec::BatchTarget<DeviceSpace>> target_;
};
using SharedBatch = std::shared_ptr<DeviceBatch>;

/// A kernel that works on a batch's rows.
class OnBatch : public Kernel {
 protected:
  OnBatch(const std::string& name, const SharedBatch& batch, const Work& work) : Kernel(name, work), batch_(batch) {}
  DeviceBatch& batch() const { return *batch_; }
  index_t rows() const { return batch_->size(); }
  seqrec::Batch<DeviceSpace> histories() const { return batch_->on_device().histories; }

 private:
  SharedBatch batch_;
};

class Embedding final : public OnBatch {
 public:
  Embedding(const SharedBatch& batch, index_t width)
      : OnBatch("embed_sequence/forward", batch, {0, row_bytes(batch->rows(), 2 * width)}), width_(width) {}
  void prepare() override {
    table_ = random(items, width_, 1);
    positions_ = random(200, width_, 2);
    y_ = Matrix(rows(), width_);
  }
  void launch(Context& context) override {
    seqrec::EmbedSequenceForward<Context> a;
    a.items = histories().items.values;
    a.offsets = histories().offsets();
    a.longest = histories().longest;
    a.table = table_.view();
    a.positions = positions_.view();
    a.y = y_.view();
    a.dropout = context.next_dropout(0.2, 0);
    seqrec::ops::embed_sequence_forward(context, a);
  }

 private:
  index_t width_;
  Matrix table_, positions_, y_;
};

/// Residual, dropout and norm; backward leaves both gradients.
class Norm final : public OnBatch {
 public:
  Norm(const SharedBatch& batch, index_t width, bool backward)
      : OnBatch(backward ? "dropout_residual_layer_norm/backward" : "dropout_residual_layer_norm/forward", batch,
                {0, row_bytes(batch->rows(), (backward ? 5 : 4) * width)}),
        width_(width),
        backward_(backward) {}
  void prepare() override {
    x_ = random(rows(), width_, 1);
    residual_ = random(rows(), width_, 2);
    gamma_ = random(width_, 3);
    beta_ = random(width_, 4);
    sum_ = Matrix(rows(), width_);
    y_ = random(rows(), width_, 5);
    mean_ = Vector(rows());
    rstd_ = Vector(rows());
    dx_ = Matrix(rows(), width_);
    dresidual_ = Matrix(rows(), width_);
    dgamma_ = Vector(width_);
    dbeta_ = Vector(width_);
  }
  void launch(Context& context) override {
    const seqrec::Dropout dropout = context.next_dropout(0.2, 0);
    if (!backward_) {
      seqrec::DropoutResidualLayerNormForward<Context> a;
      a.x = x_.view();
      a.residual = residual_.view();
      a.gamma = gamma_.view();
      a.beta = beta_.view();
      a.sum = sum_.view();
      a.y = y_.view();
      a.mean = mean_.view();
      a.rstd = rstd_.view();
      a.dropout = dropout;
      return seqrec::ops::dropout_residual_layer_norm_forward(context, a);
    }
    seqrec::DropoutResidualLayerNormBackward<Context> a;
    a.sum = x_.view();
    a.gamma = gamma_.view();
    a.mean = mean_.view();
    a.rstd = rstd_.view();
    a.dy = y_.view();
    a.dsum = residual_.view();
    a.dx = {dx_.view()};
    a.dresidual = {dresidual_.view()};
    a.dgamma = dgamma_.view();
    a.dbeta = dbeta_.view();
    a.dropout = dropout;
    seqrec::ops::dropout_residual_layer_norm_backward(context, a);
  }

 private:
  index_t width_;
  bool backward_;
  Matrix x_, residual_, sum_, y_, dx_, dresidual_;
  Vector gamma_, beta_, mean_, rstd_, dgamma_, dbeta_;
};

class Linear final : public OnBatch {
 public:
  Linear(const SharedBatch& batch, index_t inputs, index_t outputs, bool backward)
      : OnBatch(std::string("linear/") + (backward ? "backward" : "forward") + "/I:" + std::to_string(inputs) +
                    "/O:" + std::to_string(outputs),
                batch,
                {(backward ? 2 : 1) * product(batch->rows(), inputs, outputs),
                 row_bytes(batch->rows(), backward ? 2 * inputs + outputs : inputs + outputs)}),
        inputs_(inputs),
        outputs_(outputs),
        backward_(backward) {}
  void prepare() override {
    x_ = random(rows(), inputs_, 1);
    weight_ = weights(outputs_, inputs_, 2);
    bias_ = random(outputs_, 3);
    y_ = random(rows(), outputs_, 4);
    dx_ = Matrix(rows(), inputs_);
    dweight_ = Matrix(outputs_, inputs_);
    dbias_ = Vector(outputs_);
  }
  void launch(Context& context) override {
    if (!backward_) {
      seqrec::LinearForward<Context> a;
      a.x = x_.view();
      a.weight = weight_.view();
      a.bias = bias_.view();
      a.y = y_.view();
      return seqrec::ops::linear_forward(context, a);
    }
    seqrec::LinearBackward<Context> a;
    a.x = x_.view();
    a.weight = weight_.view();
    a.dy = y_.view();
    a.dx = {dx_.view()};
    a.dweight = dweight_.view();
    a.dbias = dbias_.view();
    seqrec::ops::linear_backward(context, a);
  }

 private:
  index_t inputs_, outputs_;
  bool backward_;
  Matrix x_, weight_, y_, dx_, dweight_;
  Vector bias_, dbias_;
};

class Attention final : public OnBatch {
 public:
  Attention(const SharedBatch& batch, index_t width, index_t heads, bool backward)
      : OnBatch(std::string("self_attention/") + (backward ? "backward" : "forward") + "/H:" + std::to_string(heads),
                batch,
                {(backward ? 5 : 2) * 2 * static_cast<double>(width) * batch->causal_pairs(),
                 row_bytes(batch->rows(), (backward ? 8 : 4) * width)}),
        width_(width),
        heads_(heads),
        backward_(backward) {}
  void prepare() override {
    qkv_ = random(rows(), 3 * width_, 1);
    y_ = Matrix(rows(), width_);
    dy_ = random(rows(), width_, 2);
    dqkv_ = Matrix(rows(), 3 * width_);
    Context context;
    saved_ = Vector(seqrec::ops::self_attention_saved_size(context, histories().offsets(), rows(), heads_));
    forward(context);  // backward reads what it keeps
    context.synchronize();
  }
  void launch(Context& context) override {
    if (!backward_) return forward(context);
    seqrec::SelfAttentionBackward<Context> a;
    a.offsets = histories().offsets();
    a.longest = histories().longest;
    a.q = columns(qkv_, 0);
    a.k = columns(qkv_, 1);
    a.v = columns(qkv_, 2);
    a.y = y_.view();
    a.saved = saved_.view();
    a.dy = dy_.view();
    a.dq = {columns(dqkv_, 0)};
    a.dk = {columns(dqkv_, 1)};
    a.dv = {columns(dqkv_, 2)};
    a.heads = heads_;
    a.dropout = context.next_dropout(0.2, 0);
    seqrec::ops::self_attention_backward(context, a);
  }

 private:
  void forward(Context& context) {
    seqrec::SelfAttentionForward<Context> a;
    a.offsets = histories().offsets();
    a.longest = histories().longest;
    a.q = columns(qkv_, 0);
    a.k = columns(qkv_, 1);
    a.v = columns(qkv_, 2);
    a.y = y_.view();
    a.saved = saved_.view();
    a.heads = heads_;
    a.dropout = context.next_dropout(0.2, 0);
    seqrec::ops::self_attention_forward(context, a);
  }
  seqrec::MatrixView<float, DeviceSpace> columns(Matrix& matrix, index_t block) const {
    return matrix.view().column_range(block * width_, width_);
  }

  index_t width_, heads_;
  bool backward_;
  Matrix qkv_, y_, dy_, dqkv_;
  Vector saved_;
};

/// Scores of all items, softmax and all gradients, without a logit that is stored.
class Catalogue final : public OnBatch {
 public:
  Catalogue(const SharedBatch& batch, index_t width)
      : OnBatch("catalogue_loss/forward_backward/V:" + std::to_string(items), batch,
                {3 * product(batch->rows(), width, items),
                 row_bytes(batch->rows(), 2 * width) + row_bytes(static_cast<double>(items), 2 * width)}),
        width_(width) {}
  void prepare() override {
    states_ = random(rows(), width_, 1);
    table_ = random(items, width_, 2, 0.1);
    dstates_ = Matrix(rows(), width_);
    dtable_ = Matrix(items, width_);
  }
  void launch(Context& context) override {
    seqrec::CatalogueLoss<Context> a;
    a.states = states_.view();
    a.head = {table_.view()};
    a.targets = batch().on_device().next.items.column_range(0, 1);
    a.scale = batch().on_host().loss_scale;
    a.losses = context.vector<double>(rows());
    a.dstates = dstates_.view();
    a.dhead = {dtable_.view(), {}};
    seqrec::ops::catalogue_loss(context, a);
  }

 private:
  index_t width_;
  Matrix states_, table_, dstates_, dtable_;
};

class Recurrence final : public OnBatch {
 public:
  Recurrence(const SharedBatch& batch, index_t width, bool backward)
      : OnBatch(std::string("gru/") + (backward ? "backward" : "forward") + "/F:" + std::to_string(width), batch,
                {(backward ? 4 : 2) * product(batch->rows(), width, 3 * width),
                 row_bytes(batch->rows(), (backward ? 8 : 6) * width)}),
        width_(width),
        backward_(backward) {}
  void prepare() override {
    x_ = random(rows(), width_, 1);
    input_weight_ = weights(3 * width_, width_, 4);
    weight_ = weights(3 * width_, width_, 2);
    y_ = Matrix(rows(), width_);
    dy_ = random(rows(), width_, 3);
    dx_ = Matrix(rows(), width_);
    dinput_weight_ = Matrix(3 * width_, width_);
    dweight_ = Matrix(3 * width_, width_);
    Context context;
    saved_ = Vector(seqrec::ops::gru_saved_size(context, rows(), width_));
    forward(context);
    context.synchronize();
  }
  void launch(Context& context) override {
    if (!backward_) return forward(context);
    seqrec::GruBackward<Context> a;
    a.offsets = histories().offsets();
    a.longest = histories().longest;
    a.x = x_.view();
    a.input_weight = input_weight_.view();
    a.weight = weight_.view();
    a.y = y_.view();
    a.saved = saved_.view();
    a.dy = dy_.view();
    a.dx = {dx_.view()};
    a.dinput_weight = dinput_weight_.view();
    a.dweight = dweight_.view();
    seqrec::ops::gru_backward(context, a);
  }

 private:
  void forward(Context& context) {
    seqrec::GruForward<Context> a;
    a.offsets = histories().offsets();
    a.longest = histories().longest;
    a.x = x_.view();
    a.input_weight = input_weight_.view();
    a.weight = weight_.view();
    a.y = y_.view();
    a.saved = saved_.view();
    seqrec::ops::gru_forward(context, a);
  }

  index_t width_;
  bool backward_;
  Matrix x_, input_weight_, weight_, y_, dy_, dx_, dinput_weight_, dweight_;
  Vector saved_;
};

/// DIN's, of a batch's clicks: a target and a negative of every position, which see the last items before it.
class CandidateAttention final : public OnBatch {
 public:
  CandidateAttention(const SharedBatch& batch, index_t width, index_t units, bool backward)
      : OnBatch(
            std::string("candidate_attention/") + (backward ? "backward" : "forward") + "/F:" + std::to_string(units),
            batch, work(*batch, width, units, backward)),
        width_(width),
        units_(units),
        backward_(backward) {}
  void prepare() override {
    const index_t candidates = this->candidates().size();
    keys_ = random(rows(), width_, 1);
    queries_ = random(candidates, width_, 2);
    hidden_ = weights(units_, 4 * width_, 3);
    hidden_bias_ = random(units_, 4);
    output_ = weights(1, units_, 5);
    output_bias_ = random(1, 6);
    y_ = Matrix(candidates, width_);
    dy_ = random(candidates, width_, 7);
    dkeys_ = Matrix(rows(), width_);
    dqueries_ = Matrix(candidates, width_);
    dhidden_ = Matrix(units_, 4 * width_);
    dhidden_bias_ = Vector(units_);
    doutput_ = Matrix(1, units_);
    doutput_bias_ = Vector(1);
    weights_ = Vector(this->candidates().pairs);
    saved_ = Vector(seqrec::ops::candidate_attention_saved_size(this->candidates(), unit()));
    Context context;
    forward(context);
    context.synchronize();
  }
  void launch(Context& context) override {
    if (!backward_) return forward(context);
    seqrec::CandidateAttentionBackward<Context> a;
    a.offsets = histories().offsets();
    a.candidates = candidates();
    a.keys = keys_.view();
    a.queries = queries_.view();
    a.unit = unit();
    a.weighting = weighting();
    a.weights = weights_.view();
    a.saved = saved_.view();
    a.dy = dy_.view();
    a.dkeys = {dkeys_.view()};
    a.dqueries = {dqueries_.view()};
    seqrec::ops::candidate_attention_backward(context, a);
  }

 private:
  /// With the first layer factored: rows and candidates through their parts of it, pairs through the product's part
  /// alone. Backward reads what forward keeps of each pair, and makes twice the products.
  static Work work(const DeviceBatch& batch, index_t width, index_t units, bool backward) {
    const auto of = batch.on_host().clicks.candidates;
    const double pairs = static_cast<double>(of.pairs), candidates = static_cast<double>(of.size());
    const double products = product(pairs, width, units) + 2 * pairs * static_cast<double>(width) +
                            product(batch.rows() + candidates, width, units);
    return {(backward ? 2 : 1) * products, row_bytes(batch.rows(), backward ? 2 * width : width) +
                                               row_bytes(candidates, backward ? 4 * width : 2 * width) +
                                               row_bytes(pairs, units + 1)};
  }
  void forward(Context& context) {
    seqrec::CandidateAttentionForward<Context> a;
    a.offsets = histories().offsets();
    a.candidates = candidates();
    a.keys = keys_.view();
    a.queries = queries_.view();
    a.unit = unit();
    a.weighting = weighting();
    a.y = y_.view();
    a.weights = weights_.view();
    a.saved = saved_.view();
    seqrec::ops::candidate_attention_forward(context, a);
  }
  seqrec::Candidates<DeviceSpace> candidates() const { return batch().on_device().clicks.candidates; }
  seqrec::AttentionWeighting weighting() const { return {true, 1 / std::sqrt(static_cast<double>(width_))}; }
  seqrec::AttentionUnit<Context> unit() {
    seqrec::AttentionUnit<Context> of;
    of.layers = 1;
    of.hidden[0].weight = hidden_.view();
    of.hidden[0].bias = hidden_bias_.view();
    of.hidden[0].activation.kind = seqrec::Activation::sigmoid;
    of.hidden[0].dweight = dhidden_.view();
    of.hidden[0].dbias = dhidden_bias_.view();
    of.weight = output_.view();
    of.bias = output_bias_.view();
    of.dweight = doutput_.view();
    of.dbias = doutput_bias_.view();
    return of;
  }

  index_t width_, units_;
  bool backward_;
  Matrix keys_, queries_, hidden_, output_, y_, dy_, dkeys_, dqueries_, dhidden_, doutput_;
  Vector hidden_bias_, output_bias_, dhidden_bias_, doutput_bias_, weights_, saved_;
};

class AdamStep final : public Kernel {
 public:
  explicit AdamStep(index_t size)
      : Kernel("optimizer_step/adam/P:" + std::to_string(size), {0, row_bytes(static_cast<double>(size), 7)}),
        size_(size) {}
  void prepare() override {
    values_ = random(size_, 1);
    gradients_ = random(size_, 2);
    mean_ = Vector(size_);
    square_ = Vector(size_);
    state_.emplace().begin({.update = 10, .learning_rate = 1e-3});
  }
  void launch(Context& context) override {
    seqrec::ops::optimizer_step(
        context, seqrec::OptimizerStep<Context, seqrec::Adam>{.runs = {{.values = values_.view(),
                                                                        .gradients = gradients_.view(),
                                                                        .states = {mean_.view(), square_.view()},
                                                                        .rows = {}}},
                                                              .inputs = state_->inputs(),
                                                              .outcome = state_->outcome(),
                                                              .update = seqrec::Adam{}});
  }

 private:
  index_t size_;
  Vector values_, gradients_, mean_, square_;
  std::optional<seqrec::StepState<DeviceSpace>> state_;
};

class TopK final : public Kernel {
 public:
  TopK(index_t users, index_t catalogue, index_t width)
      : Kernel("top_k/B:" + std::to_string(users) + "/V:" + std::to_string(catalogue),
               {product(static_cast<double>(users), width, catalogue),
                row_bytes(static_cast<double>(users + catalogue), width)}),
        users_(users),
        catalogue_(catalogue),
        width_(width) {}
  void prepare() override {
    queries_ = random(users_, width_, 1);
    table_ = random(catalogue_, width_, 2);
    best_ = seqrec::Tensor<item_t, 2, DeviceSpace>(users_, 10);
    scores_ = Matrix(users_, 10);
  }
  void launch(Context& context) override {
    seqrec::ops::top_k(context,
                       seqrec::TopK<Context>{queries_.view(), {table_.view()}, {}, best_.view(), scores_.view()});
  }

 private:
  index_t users_, catalogue_, width_;
  Matrix queries_, table_, scores_;
  seqrec::Tensor<item_t, 2, DeviceSpace> best_;
};

}  // namespace

std::vector<std::unique_ptr<Kernel>> kernels() {
  const auto batch = std::make_shared<DeviceBatch>(128, 200, seqrec::BatchPlan{});
  const auto clicks = std::make_shared<DeviceBatch>(128, 50, seqrec::Click{}.plan());
  std::vector<std::unique_ptr<Kernel>> all;
  all.push_back(std::make_unique<Embedding>(batch, 64));
  for (const bool backward : {false, true}) all.push_back(std::make_unique<Norm>(batch, 64, backward));
  for (const bool backward : {false, true}) all.push_back(std::make_unique<Linear>(batch, 64, 64, backward));
  for (const bool backward : {false, true}) all.push_back(std::make_unique<Linear>(batch, 64, 256, backward));
  for (const bool backward : {false, true}) all.push_back(std::make_unique<Attention>(batch, 64, 1, backward));
  all.push_back(std::make_unique<Catalogue>(batch, 64));
  for (const index_t width : {64, 128})
    for (const bool backward : {false, true}) all.push_back(std::make_unique<Recurrence>(batch, width, backward));
  for (const bool backward : {false, true})
    all.push_back(std::make_unique<CandidateAttention>(clicks, 64, 36, backward));
  all.push_back(std::make_unique<AdamStep>(index_t{1} << 22));
  all.push_back(std::make_unique<TopK>(128, items, 64));
  all.push_back(std::make_unique<TopK>(1024, 1'000'000, 64));
  return all;
}

}  // namespace benchmarks
