// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/static_encoder.hpp"

#include "seqrec/core/context_base.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using AnyContext = ContextBase<float, float, HostSpace>;
using Batch_ = Batch<HostSpace>;

/// Has all that the concept asks for, and nothing else.
struct Whole {
  using Context = AnyContext;
  Variable<Context> encode(Tape<Context>&, const Batch_&) const;
  ItemHeadParameters<Context> item_head() const;
  int num_items() const;
  int max_length() const;
};
struct EncodeIsNotConst : Whole {
  Variable<Context> encode(Tape<Context>&, const Batch_&);
};
struct EncodesMatrices : Whole {
  matrix_of<Context> encode(Tape<Context>&, const Batch_&) const;
};
struct HasNoTable {
  using Context = AnyContext;
  Variable<Context> encode(Tape<Context>&, const Batch_&) const;
  int num_items() const;
  int max_length() const;
};

/// Knows a shorter way to its last states.
struct Shorter : Whole {
  Variable<Context> encode_last(Tape<Context>&, const Batch_&) const;
};
struct ShorterByMatrices : Whole {
  matrix_of<Context> encode_last(Tape<Context>&, const Batch_&) const;
};

static_assert(EncodesLast<Shorter> && StaticEncoder<Shorter>);
static_assert(!EncodesLast<Whole> && !EncodesLast<ShorterByMatrices> && EncodesLast<SasRec<AnyContext>>);
static_assert(StaticEncoder<Whole>);
static_assert(StaticEncoder<SasRec<AnyContext>>);
static_assert(!StaticEncoder<EncodeIsNotConst>);
static_assert(!StaticEncoder<EncodesMatrices>);
static_assert(!StaticEncoder<HasNoTable>);
static_assert(!StaticEncoder<int>);

}  // namespace

TEST_CASE("a model without initial values has shapes and no memory", "[models]") {
  const SasRec<cpu::Context> model({.items = 2147483647, .width = 64}, InitialValues::none);  // takes no half terabyte
  CHECK(model.num_items() == 2147483647);
  CHECK(model.item_head().table->size() == index_t{2147483647} * 64);
  CHECK(model.parameters().num_elements() > index_t{2147483647} * 64);
  CHECK(model.parameters().values().data == nullptr);
  CHECK_THAT(seqrec_test::message_of<Error>([&] { model.item_head().table->view(); }),
             ContainsSubstring("item_embedding.weight: has no memory yet"));
}
