// SPDX-License-Identifier: Apache-2.0
// The README's example, as it stands there: the region between the markers is copied, and a test compares the two.
//
// You learn   the whole of it in fifteen lines.
// Run         in a folder that holds ml-1m (a data set, see docs/protocol.md): ./examples/run readme
// Data        MovieLens 1M as "user item" pairs (GroupLens; free for research, see its README)
// Expect      a progress line an epoch, then metrics a line, and sasrec.safetensors in this folder; minutes.

// [readme]
#include <iostream>
#include <seqrec/cpu.hpp>     // a backend
#include <seqrec/seqrec.hpp>  // models, data, training

int main() {
  auto data = seqrec::load_dataset("ml-1m");  // MovieLens, RecBole, a CSV file of yours, ...
  auto items = data.num_items();
  auto split = seqrec::leave_one_out(std::move(data));  // each user's last item is the test, the one before validation

  seqrec::SasRec<seqrec::cpu::Context> model({.items = items, .width = 64, .blocks = 2, .seed = 1});
  seqrec::Trainer trainer({.epochs = 200, .learning_rate = 1e-3, .seed = 7});
  trainer.fit(model, split, seqrec::NextItem{.loss = seqrec::FullSoftmax{}});

  std::cout << seqrec::evaluate(model, split.test, {.top_k = {5, 10, 20}});  // of the best epoch, full ranking
  seqrec::save("sasrec.safetensors", model);  // opens in PyTorch as it is, and knows what its items are called
}
// [readme]
