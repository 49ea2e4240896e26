// SPDX-License-Identifier: Apache-2.0
// A table of 33,554,433 rows of 64, whose last row begins 2^31 elements behind the first: what ops do with its ends
// they do with the rows of a table of two. On the emulator only what is used takes memory, and of grids over the whole
// table only the ends run; a GPU must hold it all, and the test is skipped where it cannot.
#include <algorithm>
#include <vector>

#include "cuda/device_support.hpp"
#include "cuda/large_memory.hpp"
#include "seqrec/core/step_state.hpp"
#include "seqrec/cuda/add_rows.cuh"
#include "seqrec/cuda/embed_sequence.cuh"
#include "seqrec/cuda/embedding_bag.cuh"
#include "seqrec/cuda/gather_rows.cuh"
#include "seqrec/cuda/item_scores.cuh"
#include "seqrec/cuda/optimizer_step.cuh"
#include "seqrec/cuda/score_items.cuh"
#include "seqrec/optim/adam.hpp"

namespace {

using namespace seqrec;
using seqrec_test::DefaultStream;
using seqrec_test::DeviceVector;
using seqrec_test::to_device;
using seqrec_test::Zeros;

using Context = cuda::Context;
using Floats = std::vector<float>;

constexpr index_t width = 64, many_rows = 33'554'433;
static_assert(many_rows * width == (index_t{1} << 31) + 64);

template <class T>
__global__ void put_row(MatrixView<T, DeviceSpace> table, index_t row, T first) {
  table(row, threadIdx.x) = first + static_cast<T>(threadIdx.x % 5) / 4;
}
template <class T>
__global__ void get_row(MatrixView<T, DeviceSpace> table, index_t row, T* out) {
  out[threadIdx.x] = table(row, threadIdx.x);
}

/// A table whose first and last rows are used.
struct Table {
  explicit Table(index_t rows) : zeros(rows * width), view(zeros.data(), rows, width) {}

  void put(float first, float last) const {
    cuda::launch<put_row<float>>(DefaultStream{}, {1, width}, view, index_t{0}, first);
    cuda::launch<put_row<float>>(DefaultStream{}, {1, width}, view, view.rows() - 1, last);
  }
  Floats ends() const {
    DeviceVector<float> out(2 * width);
    cuda::launch<get_row<float>>(DefaultStream{}, {1, width}, view, index_t{0}, out.view().data);
    cuda::launch<get_row<float>>(DefaultStream{}, {1, width}, view, view.rows() - 1, out.view().data + width);
    return out.to_host();
  }
  VectorView<float, DeviceSpace> elements() const { return {view.data, view.size()}; }

  Zeros zeros;
  MatrixView<float, DeviceSpace> view;
};

/// What `run(rows)` gives for the large table, required to be what it gives for two rows.
template <class Run>
void check_ends(Run run) {
  seqrec_test::at_ends_of_grids(std::size_t{36} << 30, [&] {
    const Floats small = run(index_t{2}), large = run(many_rows);
    CHECK(std::any_of(small.begin(), small.end(), [](float x) { return x != 0; }));
    CHECK(large == small);
  });
}

template <class T>
std::vector<T> ends_of(index_t rows) {
  return {T{0}, static_cast<T>(rows - 1)};
}

/// The first blocks' and the last blocks' scores of one state: zeros in between.
template <class T>
__global__ void score_ends(ItemHead<Context> head, MatrixView<const T, DeviceSpace> states, T* out) {
  const cuda::ScoreTile<T> tile(head, states, {0, head.items()});
  for (int i = 0; i < tile.of_thread; ++i)
    for (int j = 0; j < tile.of_thread; ++j) {
      if (!tile.is_state(i) || !tile.is_item(j)) continue;
      if (tile.item(j) == 0) out[0] = tile.score(i, j);
      if (tile.item(j) == head.items() - 1) out[1] = tile.score(i, j);
    }
}

}  // namespace

TEST_CASE("rows are read and added to where a table is large", "[cuda]") {
  check_ends([](index_t rows) {
    Context context;
    Table table(rows);
    table.put(1, 2);
    const auto last = static_cast<offset_t>(rows - 1);
    DeviceVector<float> y(3 * width);
    const MatrixView<float, DeviceSpace> gathered(y.view().data, 3, width);
    const auto named = to_device<offset_t>({last, -1, 0});
    cuda::gather_rows_forward(context, {.x = table.view, .rows = named.view(), .y = gathered});
    Floats result = y.to_host();

    const auto items = to_device(ends_of<item_t>(rows));
    const auto one_each = to_device<offset_t>({0, 1, 2});
    const MatrixView<float, DeviceSpace> two = gathered.row_range(0, 2);
    cuda::embed_sequence_forward(context, {.items = items.view(),
                                           .offsets = {},
                                           .table = table.view,
                                           .positions = {},
                                           .y = two,
                                           .scale = 0.5,
                                           .dropout = {}});
    const Floats embedded = y.to_host();
    const auto owners = to_device<std::int32_t>({0, 1});
    const auto categories = to_device(ends_of<category_t>(rows));
    cuda::embedding_bag_forward(context, {.owners = owners.view(),
                                          .repeats = {},
                                          .categories = {categories.view(), one_each.view()},
                                          .table = table.view,
                                          .y = two});
    const Floats bags = y.to_host();

    // The sum of a table's gradient, and rows that were gathered twice.
    const auto order = to_device<offset_t>({0, 1});
    cuda::add_rows(context, {.source = two,
                             .index = {order.view(), items.view(), one_each.view()},
                             .coefficients = {},
                             .target = table.view});
    const auto twice = to_device<offset_t>({0, last, last});
    cuda::gather_rows_backward(context, {.rows = twice.view(), .dy = gathered, .dx = {table.view, GradientMode::add}});
    context.synchronize();
    for (const Floats& more : {embedded, bags, table.ends()}) result.insert(result.end(), more.begin(), more.end());
    return result;
  });
}

TEST_CASE("items are scored where a catalogue is large", "[cuda]") {
  check_ends([](index_t rows) {
    Context context;
    Table table(rows);
    table.put(1, 2);
    const Zeros bias(rows);
    const ItemHead<Context> head{table.view, {bias.data(), rows}};
    const auto state = to_device(Floats(width, 0.25f));
    const auto offsets = to_device<offset_t>({0, 2});
    const auto items = to_device(ends_of<item_t>(rows));
    DeviceVector<float> scores(2), by_tiles(2);
    const MatrixView<const float, DeviceSpace> states(state.view().data, 1, width);
    cuda::score_items(
        context,
        {.queries = states, .head = head, .candidates = {items.view(), offsets.view()}, .scores = scores.view()});
    cuda::launch<score_ends<float>>(context, cuda::score_tiles(1, rows), head, states, by_tiles.view().data);
    context.synchronize();
    Floats result = scores.to_host();
    CHECK(by_tiles.to_host() == result);
    return result;
  });
}

TEST_CASE("an optimiser moves the last row of a large table", "[cuda]") {
  enum class Way { named_rows, all_rows, elements, rows_with_gradient };
  for (const Way way : {Way::named_rows, Way::all_rows, Way::elements, Way::rows_with_gradient}) {
    CAPTURE(static_cast<int>(way));
    check_ends([way](index_t rows) {
      Context context;
      Table values(rows), gradients(rows), mean(rows), square(rows);
      values.put(1, 2);
      gradients.put(0.5f, -0.25f);
      mean.put(0.1f, 0.2f);
      square.put(0.3f, 0.4f);
      StepState<DeviceSpace> state;
      state.begin({.update = 3, .learning_rate = 0.1});
      state.reset();
      const auto named = to_device(ends_of<item_t>(rows));
      DeviceVector<float> of_named(2 * width);
      of_named.copy_from_host(gradients.ends().data());
      const bool names = way == Way::named_rows || way == Way::all_rows;
      MovedRun<Context, Adam::states> run{.values = values.elements(),
                                          .gradients = gradients.elements(),
                                          .states = {mean.elements(), square.elements()},
                                          .rows = {},
                                          .row_width = width,
                                          .moves_all = way != Way::named_rows && way != Way::rows_with_gradient};
      if (names) {
        run.gradients = of_named.view();
        run.rows = named.view();
      }
      cuda::optimizer_step(context,
                           OptimizerStep<Context, Adam>{
                               .runs = {run}, .inputs = state.inputs(), .outcome = state.outcome(), .update = {}});
      context.synchronize();
      Floats result = values.ends();
      for (const Table* table : {&mean, &square}) {
        const Floats more = table->ends();
        result.insert(result.end(), more.begin(), more.end());
      }
      return result;
    });
  }
}
