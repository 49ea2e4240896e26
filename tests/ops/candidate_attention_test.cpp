// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/candidate_attention.hpp"

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "seqrec/cpu/candidate_attention.hpp"
#include "seqrec/cuda/candidate_attention.cuh"
#include "support/all_backends.hpp"
#include "support/candidate_lists.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/tensors.hpp"
#include "support/unit_activations.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Layer {
  Matrix weight, bias;  ///< (F, I), (1, F)
  HostActivation f;
};

struct Problem {
  CandidateLists candidates;
  Matrix keys, queries, dy;  ///< (N, D), (C, D), (C, D)
  std::vector<Layer> hidden;
  Matrix weight, bias;  ///< (H, F), (1, H)
  AttentionWeighting weighting;
  Layout layout = Layout::dense;
  Matrix recency{};  ///< (H, R), or none
  Matrix decay{};    ///< (H, time_buckets), or none
  std::vector<std::int64_t> times{};
  ProductPrecision products = ProductPrecision::full;

  index_t width() const { return keys.columns; }
  index_t heads() const { return weight.rows; }
  /// What is added to the logit of a row that a candidate sees, `later` rows of which come after it.
  double bias_of(index_t h, index_t row, index_t later) const {
    return (recency.columns != 0 ? recency(h, std::min(later, recency.columns - 1)) : 0) +
           (decay.columns != 0 ? decay(h, bucket_of(row, later)) : 0);
  }
  index_t bucket_of(index_t row, index_t later) const {
    return time_bucket(
        seconds_between(times[static_cast<std::size_t>(row + later)], times[static_cast<std::size_t>(row)]));
  }
  /// Whose columns these are.
  index_t head_of(index_t column) const { return column / (width() / heads()); }
};

Problem problem(const CandidateLists& candidates, index_t width, const std::vector<index_t>& hidden,
                Activation kind = Activation::prelu, bool softmax = true, index_t heads = 1) {
  Problem p{candidates,
            random_matrix(candidates.rows(), width, 1),
            random_matrix(candidates.size(), width, 2),
            random_matrix(candidates.size(), width, 3),
            {},
            random_matrix(heads, hidden.back(), 4, 0.5),
            random_matrix(1, heads, 5),
            {softmax, 0.5}};
  index_t inputs = 4 * width;
  for (const index_t units : hidden) {
    const std::uint64_t seed = 10 * (p.hidden.size() + 1);
    p.hidden.push_back({random_matrix(units, inputs, seed, 1 / std::sqrt(static_cast<double>(inputs))),
                        random_matrix(1, units, seed + 1, 0.5), random_activation(kind, units, seed + 2)});
    inputs = units;
  }
  return p;
}

/// Gives every history row a time, some of them the same, up to years apart, and a decay for each head.
void add_decay(Problem& p) {
  RandomStream random(3, Purpose::negatives, 5);
  std::int64_t time = 0;
  for (index_t row = 0; row < p.keys.rows; ++row)
    p.times.push_back(time += random.below(3) == 0 ? 0 : std::int64_t{1} << random.below(26));
  p.decay = random_matrix(p.heads(), time_buckets, 8);
}

struct Sums {
  Matrix dweight, dbias;
  ActivationSums f;
};

struct Gradients {
  Matrix dkeys, dqueries;
  std::vector<Sums> hidden;
  Matrix dweight, dbias;
  Matrix drecency{};  ///< (H, R)
  Matrix ddecay{};    ///< (H, time_buckets)
};

/// Gradients that hold the same number everywhere.
Gradients filled(const Problem& p, double fill) {
  Gradients g{Matrix(p.keys.rows, p.width(), fill),
              Matrix(p.queries.rows, p.width(), fill),
              {},
              Matrix(p.heads(), p.weight.columns, fill),
              Matrix(1, p.heads(), fill),
              Matrix(p.recency.rows, p.recency.columns, fill),
              Matrix(p.decay.rows, p.decay.columns, fill)};
  for (const Layer& layer : p.hidden)
    g.hidden.push_back({Matrix(layer.weight.rows, layer.weight.columns, fill), Matrix(1, layer.weight.rows, fill),
                        ActivationSums(layer.weight.rows, fill)});
  return g;
}

std::vector<Matrix> parts(const Gradients& g) {
  std::vector<Matrix> all = {g.dkeys, g.dqueries, g.dweight, g.dbias, g.drecency, g.ddecay};
  for (const Sums& of : g.hidden)
    for (const Matrix& part : {of.dweight, of.dbias, of.f.dalpha, of.f.sum, of.f.squares, of.f.rows})
      all.push_back(part);
  return all;
}

void check_gradients(const Gradients& found, const Gradients& expected, double tolerance) {
  const std::vector<Matrix> ours = parts(found), theirs = parts(expected);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    CAPTURE(i);
    CHECK(difference(ours[i], theirs[i]) <= tolerance);
  }
}

/// The unit on one pair, with what each layer takes and makes.
struct UnitByLoops {
  std::vector<std::vector<double>> inputs, before;  ///< of each hidden layer; one input more
  std::vector<double> scores;                       ///< (H)

  UnitByLoops(const Problem& p, index_t c, index_t row) {
    std::vector<double> x;
    for (index_t d = 0; d < p.width(); ++d) x.push_back(p.queries(c, d));
    for (index_t d = 0; d < p.width(); ++d) x.push_back(p.keys(row, d));
    for (index_t d = 0; d < p.width(); ++d) x.push_back(p.queries(c, d) - p.keys(row, d));
    for (index_t d = 0; d < p.width(); ++d) x.push_back(p.queries(c, d) * p.keys(row, d));
    inputs.push_back(x);
    for (const Layer& layer : p.hidden) {
      std::vector<double> z, y;
      for (index_t h = 0; h < layer.weight.rows; ++h) {
        z.push_back(layer.bias(h));
        for (index_t i = 0; i < layer.weight.columns; ++i)
          z.back() += layer.weight(h, i) * inputs.back()[static_cast<std::size_t>(i)];
        y.push_back(layer.f.value(z.back(), h));
      }
      before.push_back(z);
      inputs.push_back(y);
    }
    for (index_t head = 0; head < p.heads(); ++head) {
      scores.push_back(p.bias(head));
      for (index_t h = 0; h < p.weight.columns; ++h)
        scores.back() += p.weight(head, h) * inputs.back()[static_cast<std::size_t>(h)];
    }
  }

  void backward(const Problem& p, index_t c, index_t row, const std::vector<double>& dscores, Gradients& g) const {
    std::vector<double> dx(inputs.back().size(), 0.0);
    for (index_t head = 0; head < p.heads(); ++head) {
      const double dscore = dscores[static_cast<std::size_t>(head)];
      g.dbias(head) += dscore;
      for (index_t h = 0; h < p.weight.columns; ++h) {
        g.dweight(head, h) += dscore * inputs.back()[static_cast<std::size_t>(h)];
        dx[static_cast<std::size_t>(h)] += dscore * p.weight(head, h);
      }
    }
    for (std::size_t l = p.hidden.size(); l-- > 0;) {
      const Layer& layer = p.hidden[l];
      std::vector<double> dinput(inputs[l].size(), 0.0);
      for (index_t h = 0; h < layer.weight.rows; ++h) {
        const auto at = static_cast<std::size_t>(h);
        g.hidden[l].f.add(layer.f, before[l][at], dx[at], h);
        const double dz = dx[at] * layer.f.slope(before[l][at], h);
        g.hidden[l].dbias(h) += dz;
        for (index_t i = 0; i < layer.weight.columns; ++i) {
          g.hidden[l].dweight(h, i) += dz * inputs[l][static_cast<std::size_t>(i)];
          dinput[static_cast<std::size_t>(i)] += dz * layer.weight(h, i);
        }
      }
      dx = dinput;
    }
    const auto at = [&](index_t part, index_t d) { return dx[static_cast<std::size_t>(part * p.width() + d)]; };
    for (index_t d = 0; d < p.width(); ++d) {
      g.dqueries(c, d) += at(0, d) + at(2, d) + at(3, d) * p.keys(row, d);
      g.dkeys(row, d) += at(1, d) - at(2, d) + at(3, d) * p.queries(c, d);
    }
  }
};

struct Results {
  Matrix y, weights;  ///< (C, D), (1, H pairs)
};

/// Calls visit(candidate, row, how many rows it sees after that one, where the pair's weight of the first head lies,
/// how far each next head's is) for all pairs, oldest row first.
template <class Visit>
void for_each_pair(const Problem& p, Visit visit) {
  index_t first_weight = 0;
  p.candidates.for_each([&](index_t c, index_t first) {
    const index_t seen = p.candidates.seen(c), end = first + p.candidates.visible[static_cast<std::size_t>(c)];
    for (index_t j = 0; j < seen; ++j) visit(c, end - seen + j, seen - 1 - j, first_weight + j, seen);
    first_weight += p.heads() * seen;
  });
}

Results forward_by_loops(const Problem& p) {
  Results r{Matrix(p.queries.rows, p.width()), Matrix(1, p.heads() * p.candidates.pairs())};
  Matrix total(p.queries.rows, p.heads());
  for_each_pair(p, [&](index_t c, index_t row, index_t later, index_t place, index_t next) {
    const UnitByLoops unit(p, c, row);
    for (index_t h = 0; h < p.heads(); ++h) {
      const double score = unit.scores[static_cast<std::size_t>(h)];
      r.weights(place + h * next) =
          p.weighting.softmax ? std::exp(score * p.weighting.scale + p.bias_of(h, row, later)) : score;
      total(c, h) += r.weights(place + h * next);
    }
  });
  for_each_pair(p, [&](index_t c, index_t row, index_t, index_t place, index_t next) {
    for (index_t h = 0; h < p.heads(); ++h)
      if (p.weighting.softmax) r.weights(place + h * next) /= total(c, h);
    for (index_t d = 0; d < p.width(); ++d) r.y(c, d) += r.weights(place + p.head_of(d) * next) * p.keys(row, d);
  });
  return r;
}

Gradients backward_by_loops(const Problem& p) {
  const Results r = forward_by_loops(p);
  Gradients g = filled(p, 0);
  Matrix dweights(1, r.weights.columns), mean(p.queries.rows, p.heads());
  for_each_pair(p, [&](index_t c, index_t row, index_t, index_t place, index_t next) {
    for (index_t d = 0; d < p.width(); ++d) {
      const index_t at = place + p.head_of(d) * next;
      dweights(at) += p.dy(c, d) * p.keys(row, d);
      g.dkeys(row, d) += r.weights(at) * p.dy(c, d);
    }
    for (index_t h = 0; h < p.heads(); ++h) mean(c, h) += r.weights(place + h * next) * dweights(place + h * next);
  });
  for_each_pair(p, [&](index_t c, index_t row, index_t later, index_t place, index_t next) {
    std::vector<double> dscores;
    for (index_t h = 0; h < p.heads(); ++h) {
      const index_t at = place + h * next;
      const double dlogit = r.weights(at) * (dweights(at) - mean(c, h));
      dscores.push_back(p.weighting.softmax ? p.weighting.scale * dlogit : dweights(at));
      if (p.recency.columns != 0) g.drecency(h, std::min(later, p.recency.columns - 1)) += dlogit;
      if (p.decay.columns != 0) g.ddecay(h, p.bucket_of(row, later)) += dlogit;
    }
    UnitByLoops(p, c, row).backward(p, c, row, dscores, g);
  });
  return g;
}

/// A problem in the memory of a context, and the op on it.
template <class Context>
class Placement {
 public:
  using Scalars = PlacedScalars<Context>;
  using Masters = PlacedMasters<Context>;

  Placement(const Problem& p, const Gradients& before)
      : problem_(p),
        candidates_(p.candidates),
        keys_(p.keys, p.layout),
        queries_(p.queries, p.layout),
        dy_(p.dy, p.layout),
        weight_(p.weight, p.layout),
        bias_(p.bias, p.layout),
        recency_(p.recency, p.layout),
        decay_(p.decay, p.layout),
        dkeys_(before.dkeys, p.layout),
        dqueries_(before.dqueries, p.layout),
        dweight_(before.dweight, p.layout),
        dbias_(before.dbias, p.layout),
        drecency_(before.drecency, p.layout),
        ddecay_(before.ddecay, p.layout),
        times_(placed<typename Context::Space>(p.times)) {
    context_.set_products(p.products);
    for (std::size_t l = 0; l < p.hidden.size(); ++l)
      hidden_.push_back(std::make_unique<PlacedLayer>(p.hidden[l], before.hidden[l], p.layout));
  }

  AttentionUnit<Context> unit(bool with_gradients) {
    AttentionUnit<Context> unit;
    unit.layers = static_cast<index_t>(hidden_.size());
    for (std::size_t l = 0; l < hidden_.size(); ++l) {
      unit.hidden[l].weight = hidden_[l]->weight.matrix();
      unit.hidden[l].bias = hidden_[l]->bias.vector();
      unit.hidden[l].activation = hidden_[l]->f.view(with_gradients);
      if (!with_gradients) continue;
      unit.hidden[l].dweight = hidden_[l]->dweight.matrix();
      unit.hidden[l].dbias = hidden_[l]->dbias.vector();
    }
    unit.weight = weight_.matrix();
    unit.bias = bias_.vector();
    if (problem_.recency.columns != 0) unit.recency = recency_.matrix();
    if (problem_.decay.columns != 0) unit.decay = decay_.matrix();
    if (!with_gradients) return unit;
    unit.dweight = dweight_.matrix();
    unit.dbias = dbias_.vector();
    if (problem_.recency.columns != 0) unit.drecency = drecency_.matrix();
    if (problem_.decay.columns != 0) unit.ddecay = ddecay_.matrix();
    return unit;
  }

  Results forward(bool keep) {
    const auto unit_ = unit(false);
    const auto candidates = candidates_.view();
    Scalars y(unwritten(problem_.queries.rows, problem_.width()), problem_.layout);
    weights_.emplace(unwritten(1, problem_.heads() * candidates.pairs), problem_.layout);
    saved_ =
        keep ? context_.vector(ops::candidate_attention_saved_size<Context>(candidates, unit_)) : vector_of<Context>{};
    ops::candidate_attention_forward(
        context_, CandidateAttentionForward<Context>{candidates_.histories(), candidates, keys_.matrix(),
                                                     queries_.matrix(), unit_, problem_.weighting, y.matrix(),
                                                     weights_->vector(), saved_, times_.view()});
    return {y.read(), weights_->read()};
  }

  /// After forward(true).
  Gradients backward(GradientMode mode, bool with_gradients = true) {
    ops::candidate_attention_backward(context_, CandidateAttentionBackward<Context>{candidates_.histories(),
                                                                                    candidates_.view(),
                                                                                    keys_.matrix(),
                                                                                    queries_.matrix(),
                                                                                    unit(with_gradients),
                                                                                    problem_.weighting,
                                                                                    weights_->vector(),
                                                                                    saved_,
                                                                                    dy_.matrix(),
                                                                                    {dkeys_.matrix(), mode},
                                                                                    {dqueries_.matrix(), mode},
                                                                                    times_.view()});
    Gradients g{dkeys_.read(), dqueries_.read(), {}, dweight_.read(), dbias_.read(), drecency_.read(), ddecay_.read()};
    for (const auto& layer : hidden_) g.hidden.push_back({layer->dweight.read(), layer->dbias.read(), layer->f.read()});
    return g;
  }

 private:
  struct PlacedLayer {
    Scalars weight, bias;
    PlacedActivation<Context> f;
    Masters dweight, dbias;

    PlacedLayer(const Layer& layer, const Sums& before, Layout layout)
        : weight(layer.weight, layout),
          bias(layer.bias, layout),
          f(layer.f, before.f, layout),
          dweight(before.dweight, layout),
          dbias(before.dbias, layout) {}
  };

  const Problem& problem_;
  Context context_;
  PlacedCandidates<typename Context::Space> candidates_;
  Scalars keys_, queries_, dy_, weight_, bias_, recency_, decay_, dkeys_, dqueries_;
  Masters dweight_, dbias_, drecency_, ddecay_;
  Tensor<std::int64_t, 1, typename Context::Space> times_;
  std::vector<std::unique_ptr<PlacedLayer>> hidden_;
  std::optional<Scalars> weights_;  ///< the forward pass's
  vector_of<Context> saved_;
};

template <class Context>
Results forward(const Problem& p, bool keep = false) {
  return Placement<Context>(p, filled(p, 0)).forward(keep);
}

template <class Context>
Gradients backward(const Problem& p, const Gradients& before, GradientMode mode, bool with_gradients = true) {
  Placement<Context> placement(p, before);
  placement.forward(true);
  return placement.backward(mode, with_gradients);
}

/// To begin with where inputs' gradients are written: NaN there, zero elsewhere.
Gradients to_be_written(const Problem& p) {
  Gradients g = filled(p, 0);
  g.dkeys = unwritten(p.keys.rows, p.width());
  g.dqueries = unwritten(p.queries.rows, p.width());
  return g;
}

template <class Context>
void check_against_loops(const Problem& p) {
  const Results r = forward<Context>(p), expected = forward_by_loops(p);
  CHECK(difference(r.y, expected.y) <= tolerance<Context>::value);
  CHECK(difference(r.weights, expected.weights) <= tolerance<Context>::value);
  const Results kept = forward<Context>(p, true);
  if (!on_device<Context> && cpu::detail::folding_pays(p.candidates, p.keys.rows)) {
    CHECK(difference(kept.y, expected.y) <= tolerance<Context>::value);
    CHECK(difference(kept.weights, expected.weights) <= tolerance<Context>::value);
  } else {
    CHECK(same_bits(kept.y, r.y));
    CHECK(same_bits(kept.weights, r.weights));
  }
  const Gradients slopes = backward_by_loops(p);
  check_gradients(backward<Context>(p, to_be_written(p), GradientMode::write), slopes, tolerance<Context>::gradient);

  Gradients added = slopes;
  for (double& value : added.dkeys.values) value += 2;
  for (double& value : added.dqueries.values) value += 2;
  Gradients before = filled(p, 0);
  before.dkeys = Matrix(p.keys.rows, p.width(), 2.0);
  before.dqueries = Matrix(p.queries.rows, p.width(), 2.0);
  check_gradients(backward<Context>(p, before, GradientMode::add), added, tolerance<Context>::gradient);
}

/// Two thousand pairs: blocks end at candidates, wherever that is.
CandidateLists several_blocks(index_t window = 1000) { return random_candidates({40, 3, 33, 0, 25, 1}, 30, window, 8); }

}  // namespace

TEMPLATE_TEST_CASE("candidate_attention: against loops over written-out pairs", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const auto& lengths : batches_of_lengths())
    for (const index_t window : {1, 3, 1000})
      for (const index_t width : {1, 6})
        for (const Layout layout : {Layout::dense, Layout::strided}) {
          CAPTURE(lengths, window, width, layout == Layout::strided);
          Problem p = problem(random_candidates(lengths, 3, window, 7), width, {5, 3});
          p.layout = layout;
          check_against_loops<TestType>(p);
        }
}

TEMPLATE_TEST_CASE("candidate_attention: every activation, with and without softmax, one to three hidden layers",
                   "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const Activation kind : all_activations)
    for (const bool softmax : {true, false})
      for (const auto& hidden : std::vector<std::vector<index_t>>{{5}, {9, 3}, {4, 7, 5}}) {
        CAPTURE(names_of(kind)[static_cast<std::size_t>(kind)], softmax, hidden);
        check_against_loops<TestType>(problem(random_candidates({5, 2, 9, 1}, 4, 6, 7), 7, hidden, kind, softmax));
      }
}

TEMPLATE_TEST_CASE("candidate_attention: a recency bias for fewer distances than are seen, as many, and more", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const index_t distances : {1, 4, 40, 60})
    for (const index_t window : {1, 7, 1000}) {
      CAPTURE(distances, window);
      Problem p = problem(several_blocks(window), 6, {5});
      p.recency = random_matrix(1, distances, 6);
      check_against_loops<TestType>(p);
    }
  for (const auto& lengths : batches_of_lengths())
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(lengths, layout == Layout::strided);
      Problem p = problem(random_candidates(lengths, 3, 4, 7), 3, {5, 3});
      p.recency = random_matrix(1, 3, 6);
      p.layout = layout;
      check_against_loops<TestType>(p);
    }
}

TEMPLATE_TEST_CASE("candidate_attention: a time decay, alone and with a recency bias", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const bool recency : {false, true})
    for (const index_t window : {1, 7, 1000})
      for (const index_t heads : {1, 2}) {
        CAPTURE(recency, window, heads);
        Problem p = problem(several_blocks(window), 6, {5}, Activation::prelu, true, heads);
        if (recency) p.recency = random_matrix(heads, 4, 6);
        add_decay(p);
        check_against_loops<TestType>(p);
      }
  for (const auto& lengths : batches_of_lengths())
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(lengths, layout == Layout::strided);
      Problem p = problem(random_candidates(lengths, 3, 4, 7), 3, {5, 3});
      p.layout = layout;
      add_decay(p);
      check_against_loops<TestType>(p);
    }
}

TEMPLATE_TEST_CASE("candidate_attention: more units and inputs than are worked on at once, and more than fit together",
                   "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const CandidateLists lists = random_candidates({5, 2, 4}, 3, 6, 7);
  check_against_loops<TestType>(problem(lists, 132, {44, 12}));
  check_against_loops<TestType>(problem(lists, 2, {4000, 3}));
}

TEST_CASE("candidate_attention: in bfloat16, some hundredths from loops and no further", "[ops][cuda]") {
  with_cuda_float([&]<class Context>() {
    double furthest = 0;
    for (const index_t width : {6, 33}) {
      // Of an activation that has a kink, a sum that is rounded to its other side has another slope.
      Problem p = problem(random_candidates({5, 0, 2, 14}, 3, 6, 7), width, {12, 5}, Activation::sigmoid);
      p.products = ProductPrecision::bf16;
      const Results expected = forward_by_loops(p);
      const auto r = repeatable<Context>([&] {
        const Results results = forward<Context>(p, true);
        return std::vector{results.y, results.weights};
      });
      CHECK(difference(r[0], expected.y) <= 2e-2);
      CHECK(difference(r[1], expected.weights) <= 2e-2);
      furthest = std::max(furthest, difference(r[0], expected.y));
      check_gradients(backward<Context>(p, to_be_written(p), GradientMode::write), backward_by_loops(p), 2e-2);
    }
    CHECK(furthest > 1e-5);  // it was bfloat16
  });
}

TEMPLATE_TEST_CASE("candidate_attention: several heads", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  // On the emulator, which is slow, a few tiles of pairs have to do.
  const CandidateLists lists =
      on_device<TestType> ? random_candidates({20, 3, 33, 0, 1}, 5, 20, 8) : several_blocks(20);
  for (const index_t heads : {2, 3, 6})
    for (const std::string weighting : {"recency", "softmax", "none"})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(heads, weighting, layout == Layout::strided);
        Problem p = problem(lists, 6, {5, 3}, Activation::sigmoid, weighting != "none", heads);
        if (weighting == "recency") p.recency = random_matrix(heads, 7, 6);
        p.layout = layout;
        check_against_loops<TestType>(p);
      }
}

TEST_CASE("candidate_attention: heads that are alike are one head", "[ops]") {
  Problem one = problem(several_blocks(20), 6, {5}),
          two = problem(several_blocks(20), 6, {5}, Activation::prelu, true, 2);
  one.recency = random_matrix(1, 20, 6);
  two.recency = Matrix(2, 20);
  for (index_t h = 0; h < 2; ++h) {
    for (index_t f = 0; f < 5; ++f) two.weight(h, f) = one.weight(f);
    for (index_t d = 0; d < 20; ++d) two.recency(h, d) = one.recency(d);
    two.bias(h) = one.bias(0);
  }
  CHECK(same_bits(forward<CpuDouble>(two).y, forward<CpuDouble>(one).y));
}

TEST_CASE("candidate_attention: a recency bias of zeros changes no weight", "[ops]") {
  Problem p = problem(several_blocks(20), 6, {5});
  const Results without = forward<CpuDouble>(p);
  p.recency = Matrix(1, 20);
  CHECK(difference(forward<CpuDouble>(p).weights, without.weights) < 1e-14);
  // Where the unit says nothing, the bias is all: worked out by hand for one candidate that sees three rows.
  Problem one = problem({{5}, {1}, {3}}, 2, {4});
  one.weight = Matrix(1, 4);
  one.recency = Matrix(1, 2);
  one.recency(1) = std::log(0.25);
  const Results r = forward<CpuDouble>(one);
  for (index_t j = 0; j < 3; ++j) CHECK(r.weights(j) == Approx(j == 2 ? 2.0 / 3 : 1.0 / 6).epsilon(1e-14));
}

TEMPLATE_TEST_CASE("candidate_attention: many blocks of pairs", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const index_t window : {20, 1000}) {
    const CandidateLists candidates = several_blocks(window);
    CAPTURE(window, candidates.pairs());
    REQUIRE(candidates.pairs() > 3 * cpu::detail::attention_block_pairs);
    check_against_loops<TestType>(problem(candidates, 10, {12, 5}, Activation::dice, false));
    check_against_loops<TestType>(problem(candidates, 10, {12, 5}));
  }
  // One candidate that fills more than a block.
  CandidateLists long_history{{700}, {3}, {0, 600, 700}};
  check_against_loops<TestType>(problem(long_history, 3, {4}));
}

TEMPLATE_TEST_CASE("candidate_attention: the same bits in every schedule", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(random_candidates({20, 3, 33, 0, 1}, 5, 20, 8), 10, {36, 5}, Activation::dice, true, 2);
  p.recency = random_matrix(2, 7, 6);
  add_decay(p);
  const auto results = repeatable<TestType>([&] {
    const Results r = forward<TestType>(p);
    std::vector<Matrix> all = parts(backward<TestType>(p, to_be_written(p), GradientMode::write));
    all.insert(all.end(), {r.y, r.weights});
    return all;
  });
  CHECK(difference(results.back(), forward_by_loops(p).weights) <= tolerance<TestType>::value);
}

TEMPLATE_TEST_CASE("candidate_attention: one candidate a history, long and short ones", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  // In training the first layer is folded into a matrix for each candidate: one that sees all, one that sees nothing,
  // one that sees the first half, a history that nobody sees.
  const CandidateLists lists{{40, 9, 0, 21, 5, 12, 1}, {1, 1, 0, 1, 1, 0, 1}, {40, 9, 10, 0, 1}};
  REQUIRE(cpu::detail::folding_pays(lists, lists.rows()));
  for (const Activation kind : all_activations)
    for (const index_t window : {7, 1000})
      for (const Layout layout : {Layout::dense, Layout::strided})
        for (const auto& hidden : std::vector<std::vector<index_t>>{{5}, {70, 3}}) {
          CAPTURE(name_of(kind), window, layout == Layout::strided, hidden);
          CandidateLists seen = lists;
          seen.window = window;
          Problem p = problem(seen, 6, hidden, kind, window != 7, window == 7 ? 1 : 2);
          p.layout = layout;
          check_against_loops<TestType>(p);
        }
}

TEST_CASE("candidate_attention: a folded first layer, gradients against central differences and frozen", "[ops]") {
  Problem p = problem({{24, 9}, {1, 1}, {20, 9}}, 3, {4, 2}, Activation::tanh);
  REQUIRE(cpu::detail::folding_pays(p.candidates, p.keys.rows));
  p.recency = random_matrix(1, 3, 6);
  const Gradients g = backward<CpuDouble>(p, to_be_written(p), GradientMode::write);
  const auto loss = [&] { return dot(forward<CpuDouble>(p, true).y, p.dy); };
  CHECK(difference(g.dkeys, central_differences(p.keys, loss)) <= central_difference_tolerance);
  CHECK(difference(g.dqueries, central_differences(p.queries, loss)) <= central_difference_tolerance);
  CHECK(difference(g.hidden[0].dweight, central_differences(p.hidden[0].weight, loss)) <= central_difference_tolerance);
  CHECK(difference(g.hidden[0].dbias, central_differences(p.hidden[0].bias, loss)) <= central_difference_tolerance);
  const Gradients frozen = backward<CpuDouble>(p, to_be_written(p), GradientMode::write, false);
  CHECK(same_bits(frozen.dkeys, g.dkeys));
  CHECK(same_bits(frozen.dqueries, g.dqueries));
  CHECK(same_bits(frozen.hidden[0].dweight, Matrix(4, 12)));
}

TEMPLATE_TEST_CASE("candidate_attention: more pairs than are worked on at once", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const CandidateLists lists{{300}, {220}, std::vector<offset_t>(220, 300)};
  REQUIRE(lists.pairs() > cuda::pairs_at_once);
  const Problem p = problem(lists, 1, {1}, Activation::relu);
  const Results r = forward<TestType>(p), expected = forward_by_loops(p), kept = forward<TestType>(p, true);
  CHECK(difference(r.y, expected.y) <= tolerance<TestType>::value);
  CHECK(same_bits(kept.y, r.y));
}

TEMPLATE_TEST_CASE("candidate_attention: gradients of weights and sums are added to what is there", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(several_blocks(), 6, {5, 3}, Activation::dice);
  p.recency = random_matrix(1, 20, 6);
  add_decay(p);
  Gradients expected = backward_by_loops(p);
  for (Matrix* sum : {&expected.dweight, &expected.dbias, &expected.drecency, &expected.ddecay})
    for (double& value : sum->values) value += 3;
  for (Sums& of : expected.hidden)
    for (Matrix* sum : {&of.dweight, &of.dbias, &of.f.dalpha, &of.f.sum, &of.f.squares, &of.f.rows})
      for (double& value : sum->values) value += 3;
  const Gradients found = backward<TestType>(p, filled(p, 3), GradientMode::write);
  check_gradients(found, expected, tolerance<TestType>::gradient);
  for (const Sums& of : found.hidden) CHECK(of.f.rows(0) == static_cast<double>(3 + p.candidates.pairs()));
}

TEMPLATE_TEST_CASE("candidate_attention: frozen weights get no gradients and change no other", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(several_blocks(), 6, {5, 3}, Activation::dice);
  p.recency = random_matrix(1, 20, 6);
  add_decay(p);
  const Gradients all = backward<TestType>(p, to_be_written(p), GradientMode::write);
  Gradients frozen = backward<TestType>(p, to_be_written(p), GradientMode::write, false);
  CHECK(same_bits(frozen.dkeys, all.dkeys));
  CHECK(same_bits(frozen.dqueries, all.dqueries));
  frozen.dkeys = frozen.dqueries = {};
  Gradients nothing = filled(p, 0);
  nothing.dkeys = nothing.dqueries = {};
  CHECK(same_bits(parts(frozen), parts(nothing)));
}

TEST_CASE("candidate_attention: gradients against central differences", "[ops]") {
  for (const Activation kind : all_activations)
    for (const bool softmax : {true, false}) {
      CAPTURE(names_of(kind)[static_cast<std::size_t>(kind)], softmax);
      const index_t heads = kind == Activation::prelu ? 3 : 1;
      Problem p = problem(random_candidates({4, 1, 0, 3}, 3, 3, 6), 3, {4, 2}, kind, softmax, heads);
      if (softmax) p.recency = random_matrix(heads, 2, 6);
      if (softmax && kind != Activation::dice) add_decay(p);
      const Gradients g = backward<CpuDouble>(p, to_be_written(p), GradientMode::write);
      const auto loss = [&] { return dot(forward<CpuDouble>(p).y, p.dy); };
      const auto check = [&](const Matrix& gradient, Matrix& values) {
        CHECK(difference(gradient, central_differences(values, loss)) <= central_difference_tolerance);
      };
      check(g.dkeys, p.keys);
      check(g.dqueries, p.queries);
      check(g.dweight, p.weight);
      check(g.dbias, p.bias);
      check(g.drecency, p.recency);
      check(g.ddecay, p.decay);
      for (std::size_t l = 0; l < p.hidden.size(); ++l) {
        check(g.hidden[l].dweight, p.hidden[l].weight);
        check(g.hidden[l].dbias, p.hidden[l].bias);
        if (has_slope(kind)) check(g.hidden[l].f.dalpha, p.hidden[l].f.alpha);
      }
    }
}

TEST_CASE("candidate_attention: values and gradients of PyTorch", "[ops][golden]") {
  for (const std::string name : {"paper", "official_code", "recency", "heads", "decay"}) {
    CAPTURE(name);
    Golden golden("candidate_attention_" + name);
    Problem p;
    p.candidates = {golden.lengths("offsets"), golden.lengths("candidate_offsets"), golden.integers("visible"),
                    static_cast<index_t>(golden.number("window"))};
    p.keys = golden.matrix("keys");
    p.queries = golden.matrix("queries");
    p.dy = golden.matrix("dy");
    p.weighting = {golden.text("softmax") == "1", golden.number("scale")};
    const auto of = [&](const char* what, std::size_t layer, const char* part) {
      return golden.matrix(concatenate(what, layer, part));
    };
    const bool dice = golden.text("activation") == "dice";
    Gradients expected{golden.matrix("dkeys"),
                       golden.matrix("dqueries"),
                       {},
                       golden.matrix("gradient.output.weight"),
                       golden.matrix("gradient.output.bias")};
    p.weight = golden.matrix("parameter.output.weight");
    p.bias = golden.matrix("parameter.output.bias");
    if (name == "decay") {
      p.decay = golden.matrix("parameter.time_decay");
      expected.ddecay = golden.matrix("gradient.time_decay");
      for (const std::int32_t time : golden.integers("times")) p.times.push_back(time);
    }
    if (name == "recency" || name == "heads" || name == "decay") {
      p.recency = golden.matrix("parameter.recency_bias");
      expected.drecency = golden.matrix("gradient.recency_bias");
    }
    for (std::size_t l = 0; l < static_cast<std::size_t>(golden.number("layers")); ++l) {
      Layer layer{of("parameter.linears.", l, ".weight"), of("parameter.linears.", l, ".bias"), {}};
      const index_t units = layer.weight.rows;
      layer.f = random_activation(dice ? Activation::dice : Activation::sigmoid, units, 1);
      Sums sums{of("gradient.linears.", l, ".weight"), of("gradient.linears.", l, ".bias"), ActivationSums(units)};
      if (dice) {
        layer.f.alpha = of("parameter.activations.", l, ".weight");
        layer.f.mean = of("parameter.activations.", l, ".running_mean");
        layer.f.variance = of("parameter.activations.", l, ".running_var");
        layer.f.epsilon = golden.number("epsilon");
        sums.f.dalpha = of("gradient.activations.", l, ".weight");
        sums.f.sum = of("gradient.activations.", l, ".running_mean");
        sums.f.squares = of("gradient.activations.", l, ".running_var");
        sums.f.rows = of("gradient.activations.", l, ".num_batches_tracked");
        centre(sums.f, layer.f);
      }
      p.hidden.push_back(layer);
      expected.hidden.push_back(sums);
    }
    const Results r = forward<CpuDouble>(p);
    CHECK(difference(r.y, golden.matrix("y")) <= golden_tolerance);
    CHECK(difference(r.weights, golden.matrix("weights")) <= golden_tolerance);
    check_gradients(backward<CpuDouble>(p, to_be_written(p), GradientMode::write), expected, golden_tolerance);
  }
}

TEMPLATE_TEST_CASE("candidate_attention: softmax weights are positive and sum to one, also for large scores", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(several_blocks(), 6, {5});
  for (double& weight : p.weight.values) weight *= 1e4;
  const Results r = forward<TestType>(p);
  index_t pair = 0;
  Matrix total(1, p.candidates.size());
  p.candidates.for_each_pair([&](index_t c, index_t) {
    REQUIRE((r.weights(pair) >= 0 && r.weights(pair) <= 1));
    total(c) += r.weights(pair++);
  });
  for (index_t c = 0; c < p.candidates.size(); ++c)
    CHECK(std::abs(total(c) - (p.candidates.seen(c) == 0 ? 0 : 1)) < 1e-5);
}

TEST_CASE("candidate_attention: an item has the same bits wherever it stands in lists of any length", "[ops]") {
  for (const Activation kind : all_activations)
    for (const std::string weighting : {"recency", "heads", "softmax", "none"})
      for (const index_t length : {1, 3, 7, 20, 50}) {
        CAPTURE(name_of(kind), weighting, length);
        const auto last = [&](index_t before) {  // one user's list of that many and one more; the last item counts
          CandidateLists lists{{length}, {before + 1}, std::vector<offset_t>(static_cast<std::size_t>(before + 1))};
          for (offset_t& visible : lists.visible) visible = static_cast<offset_t>(length);
          const index_t heads = weighting == "heads" ? 2 : 1;
          Problem p = problem(lists, 10, {36, 7}, kind, weighting != "none", heads);
          if (weighting == "recency" || heads > 1) p.recency = random_matrix(heads, 20, 6);
          if (heads > 1) add_decay(p);
          for (index_t d = 0; d < p.width(); ++d) p.queries(before, d) = 0.25 * static_cast<double>(d) - 1;
          const Results r = forward<CpuFloat>(p);
          Matrix weights(1, heads * length);
          for (index_t j = 0; j < heads * length; ++j) weights(j) = r.weights(before * heads * length + j);
          return std::vector{r.y.row_range(before, 1), weights};
        };
        const auto alone = last(0);
        for (index_t before = 1; before < 24; ++before) {
          CAPTURE(before);
          REQUIRE(same_bits(last(before), alone));
        }
      }
}

TEST_CASE("candidate_attention: float agrees with double", "[ops]") {
  Problem p = problem(several_blocks(20), 16, {12, 5}, Activation::dice);
  p.recency = random_matrix(1, 20, 6);
  CHECK(difference(forward<CpuFloat>(p).y, forward<CpuDouble>(p).y) <= tolerance<CpuFloat>::value);
  check_gradients(backward<CpuFloat>(p, to_be_written(p), GradientMode::write),
                  backward<CpuDouble>(p, to_be_written(p), GradientMode::write), tolerance<CpuFloat>::gradient);
}

TEST_CASE("candidate_attention: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const PlacedCandidates<HostSpace> placed_candidates({{3, 1}, {2, 1}, {1, 3, 1}});  // 5 pairs
  const auto layer = [&](index_t units, index_t inputs) {
    AttentionUnit<Context>::Hidden hidden;
    hidden.weight = context.matrix(units, inputs);
    hidden.bias = context.vector(units);
    hidden.activation.kind = Activation::prelu;
    hidden.activation.alpha = context.vector(units);
    return hidden;
  };
  const auto unit = [&] {
    AttentionUnit<Context> of;
    of.layers = 2;
    of.hidden[0] = layer(6, 8);
    of.hidden[1] = layer(3, 6);
    of.weight = context.matrix(1, 3);
    of.bias = context.vector(1);
    return of;
  };
  const auto forward_message = [&](auto change) {
    CandidateAttentionForward<Context> a{
        placed_candidates.histories(), placed_candidates.view(), context.matrix(4, 2), context.matrix(3, 2), unit(), {},
        context.matrix(3, 2),          context.vector(5),        context.vector(45)};
    change(a);
    return message_of<ShapeError>([&] { ops::candidate_attention_forward(context, a); });
  };
  const std::string op = "candidate_attention: ", back = "candidate_attention backward: ";
  CHECK(forward_message([&](auto& a) { a.unit.layers = 0; }) == op + "hidden layers are 0, expected 1 .. 3");
  CHECK(forward_message([&](auto& a) { a.unit.layers = 4; }) == op + "hidden layers are 4, expected 1 .. 3");
  CHECK(forward_message([&](auto& a) { a.unit.hidden[0] = layer(6, 7); }) ==
        op + "columns of a hidden weight is 7, expected 8");
  CHECK(forward_message([&](auto& a) { a.unit.hidden[1].bias = context.vector(4); }) ==
        op + "size of a hidden bias is 4, expected 3");
  CHECK(forward_message([&](auto& a) { a.unit.hidden[1].activation.alpha = context.vector(4); }) ==
        op + "size of alpha is 4, expected 3");
  CHECK(forward_message([&](auto& a) { a.unit.weight = context.matrix(2, 3); }) ==
        op + "size of the last bias is 1, expected 2");
  CHECK(forward_message([&](auto& a) { a.unit.weight = context.matrix(1, 4); }) ==
        op + "columns of the last weight is 4, expected 3");
  CHECK(forward_message([&](auto& a) { a.unit.bias = {}; }) == op + "size of the last bias is 0, expected 1");
  CHECK(forward_message([&](auto& a) { a.offsets = a.offsets.row_range(0, 2); }) ==
        op + "segments of candidates is 2, expected 1");
  CHECK(forward_message([&](auto& a) { a.candidates.visible = a.candidates.visible.row_range(0, 2); }) ==
        op + "size of visible is 2, expected 3");
  CHECK(forward_message([&](auto& a) { a.queries = context.matrix(2, 2); }) == op + "rows of queries is 2, expected 3");
  CHECK(forward_message([&](auto& a) { a.queries = context.matrix(3, 3); }) ==
        op + "columns of queries is 3, expected 2");
  CHECK(forward_message([&](auto& a) { a.weights = context.vector(6); }) == op + "size of weights is 6, expected 5");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(2, 2); }) == op + "rows of y is 2, expected 3");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(3, 3); }) == op + "columns of y is 3, expected 2");
  CHECK(forward_message([&](auto& a) { a.saved = context.vector(44); }) == op + "size of saved is 44, expected 45");
  const auto backward_message = [&](auto change) {
    CandidateAttentionBackward<Context> a{placed_candidates.histories(),
                                          placed_candidates.view(),
                                          context.matrix(4, 2),
                                          context.matrix(3, 2),
                                          unit(),
                                          {},
                                          context.vector(5),
                                          context.vector(45),
                                          context.matrix(3, 2),
                                          {context.matrix(4, 2)},
                                          {context.matrix(3, 2)}};
    change(a);
    return message_of<ShapeError>([&] { ops::candidate_attention_backward(context, a); });
  };
  CHECK(backward_message([&](auto& a) { a.saved = {}; }) == back + "size of saved is 0, expected 45");
  CHECK(backward_message([&](auto& a) { a.dy = context.matrix(2, 2); }) == back + "rows of dy is 2, expected 3");
  CHECK(backward_message([&](auto& a) { a.dy = context.matrix(3, 3); }) == back + "columns of dy is 3, expected 2");
  CHECK(backward_message([&](auto& a) { a.dkeys.view = context.matrix(3, 2); }) ==
        back + "rows of dkeys is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dkeys.view = context.matrix(4, 3); }) ==
        back + "columns of dkeys is 3, expected 2");
  CHECK(backward_message([&](auto& a) { a.dqueries.view = context.matrix(2, 2); }) ==
        back + "rows of dqueries is 2, expected 3");
  CHECK(forward_message([&](auto& a) { a.keys = context.matrix(3, 2); }) ==
        op + "offsets(2) is 4, expected 3, the number of rows");
  CHECK(forward_message([&](auto& a) { a.candidates.pairs = 6; }) ==
        op + "pairs is 6, expected 5, the sum of min(visible, window)");
  const std::vector<offset_t> too_many = {1, 4, 1}, negative = {-1, 3, 1};
  CHECK(forward_message([&](auto& a) {
          a.candidates.visible = {too_many.data(), 3};
        }) == op + "visible(1) is 4, expected 0 .. 3, the length of history 0");
  CHECK(forward_message([&](auto& a) {
          a.candidates.visible = {negative.data(), 3};
        }) == op + "visible(0) is -1, expected 0 .. 3, the length of history 0");
  CHECK(backward_message([&](auto& a) { a.candidates.pairs = 6; }) ==
        back + "pairs is 6, expected 5, the sum of min(visible, window)");
  const auto blind = [&] {
    CandidateAttentionForward<Context> a{placed_candidates.histories(),
                                         placed_candidates.view(),
                                         context.matrix(4, 2),
                                         context.matrix(3, 2),
                                         unit(),
                                         {},
                                         context.matrix(3, 2),
                                         context.vector(0),
                                         {}};
    a.candidates.window = a.candidates.pairs = 0;
    ops::candidate_attention_forward(context, a);
  };
  CHECK(forward_message([&](auto& a) {
          a.weighting.softmax = true;
          a.unit.recency = context.matrix(2, 3);
        }) == op + "rows of recency is 2, expected 1");
  CHECK(forward_message([&](auto& a) {
          a.weighting.softmax = true;
          a.unit.recency = context.matrix(1, 3);
          a.unit.drecency = context.matrix(1, 2);
        }) == op + "columns of drecency is 2, expected 3");
  CHECK(forward_message([&](auto& a) {
          a.weighting.softmax = true;
          a.unit.decay = context.matrix(1, 127);
        }) == op + "columns of decay is 127, expected 128");
  CHECK(forward_message([&](auto& a) {
          a.weighting.softmax = true;
          a.unit.decay = context.matrix(1, 128);
        }) == op + "size of times is 0, expected 4");
  const auto no_softmax = [&] {
    CandidateAttentionForward<Context> a{
        placed_candidates.histories(), placed_candidates.view(), context.matrix(4, 2), context.matrix(3, 2), unit(), {},
        context.matrix(3, 2),          context.vector(5),        context.vector(45)};
    a.unit.recency = context.matrix(1, 3);
    ops::candidate_attention_forward(context, a);
  };
  const auto heads_message = [&](index_t heads) {
    CandidateAttentionForward<Context> a{
        placed_candidates.histories(), placed_candidates.view(), context.matrix(4, 2), context.matrix(3, 2), unit(), {},
        context.matrix(3, 2),          context.vector(5),        context.vector(45)};
    a.unit.weight = context.matrix(heads, 3);
    return message_of<ArgumentError>([&] { ops::candidate_attention_forward(context, a); });
  };
  CHECK(heads_message(0) == op + "heads is 0, expected a divisor of width 2");
  CHECK(heads_message(3) == op + "heads is 3, expected a divisor of width 2");
  CHECK(message_of<ArgumentError>(no_softmax) == op + "recency without a softmax, expected one");
  CHECK(message_of<ArgumentError>(blind) == op + "window is 0, expected at least 1");
  CHECK(backward_message([&](auto& a) { a.dqueries.view = context.matrix(3, 3); }) ==
        back + "columns of dqueries is 3, expected 2");
}
