// SPDX-License-Identifier: Apache-2.0
// Bring data of your own: events from a table in memory or a CSV file, a model trained on them, answers by your ids.
//
// You learn   how a program's own events become a data set (Interactions, or load_dataset with the names of the
// columns),
//             and that ids come back: the checkpoint carries them, so that whoever loads it needs no data.
// Run         ./examples/run 03_your_own_data [--data orders.csv --user-column buyer --item-column sku --time-column
// when] Data        orders of a made-up shop; or a CSV file with a header, of which you name the columns Expect      a
// few seconds; the two data sets are the same, validation improves, and the model that was loaded again
//             offers by SKU what the trained one does.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "common/command_line.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/readers/load.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/serve/by_id.hpp"
#include "seqrec/train/trainer.hpp"

namespace {

using Model = seqrec::SasRec<seqrec::cpu::Context>;

/// A row of a table as a program may have it: users are numbers of 64 bits, products have names.
struct Order {
  std::uint64_t buyer;
  std::string sku;
  std::int64_t when;  ///< seconds since 1970
};

/// What a shop without customers sells: 300 of them with tastes.
std::vector<Order> made_up_orders() {
  const seqrec::Dataset shop = seqrec::synthetic_dataset({.users = 300, .items = 80, .genres = 8});
  std::vector<Order> orders;
  for (seqrec::index_t user = 0; user < shop.num_users(); ++user)
    for (const seqrec::item_t item : shop.history(user))
      orders.push_back({18'000'000'000'000'000'000u + static_cast<std::uint64_t>(user), "SKU-" + std::to_string(item),
                        1'700'000'000 + std::ssize(orders)});
  return orders;
}

/// From memory: a call for each event, in any order of users.
seqrec::Dataset from_table(const std::vector<Order>& orders) {
  seqrec::Interactions rows;
  rows.reserve(orders.size(), /*with_times=*/true);
  for (const Order& order : orders) rows.add(order.buyer, order.sku, order.when);
  return seqrec::build_dataset("orders", rows);
}

/// The same as a file, with columns in another order and one that nobody asks for.
void write_csv(const std::filesystem::path& file, const std::vector<Order>& orders) {
  std::ofstream out(file);
  out << "when,\"sku\",price,buyer\n";
  for (const Order& order : orders) out << order.when << ',' << order.sku << ",9.90," << order.buyer << '\n';
}

/// Trains on each buyer's orders but the last two, and writes the best model.
Model train(seqrec::Dataset data, seqrec::index_t epochs, const std::filesystem::path& checkpoint) {
  const seqrec::index_t items = data.num_items();
  const seqrec::Split split = seqrec::leave_one_out(std::move(data));
  Model model({.items = items, .width = 32, .blocks = 1, .max_length = 30, .seed = 1});
  const seqrec::Trainer trainer({.epochs = epochs, .batch_size = 64, .learning_rate = 3e-3, .seed = 1});
  trainer.fit(model, split, seqrec::NextItem{.loss = seqrec::FullSoftmax{}});
  std::cout << seqrec::evaluate(model, split.test, {.top_k = {10}});
  seqrec::save(checkpoint, model);
  return model;
}

struct Settings {
  std::filesystem::path data{};
  seqrec::index_t epochs = 20;
  bool quick = false;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("data", data, seqrec::file_to_read(), "a CSV file with a header; without it the orders of a made-up shop");
    visit("epochs", epochs, seqrec::at_least(1), "passes over the data");
    visit("quick", quick, seqrec::any(), "three of them: to see that all works");
  }
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  seqrec::ReadOptions columns{.user_column = "buyer", .item_column = "sku", .time_column = "when"};
  examples::CommandLine line("Trains SASRec on events of your own and answers by your ids.");
  line.options(settings);
  line.options(columns);
  return line.run(argc, argv, [&] {
    if (settings.quick && !line.given("--epochs")) settings.epochs = 3;
    std::filesystem::path file = settings.data;
    if (file.empty()) {
      const std::vector<Order> orders = made_up_orders();
      write_csv(file = "orders.csv", orders);
      const seqrec::Dataset data = from_table(orders);
      std::cout << "from memory: " << seqrec::describe(data) << '\n';
    }
    seqrec::Dataset data = seqrec::load_dataset(file, columns);
    std::cout << "from a file: " << seqrec::describe(data) << '\n';

    // What somebody bought, by id: all that a request needs to say.
    std::vector<std::string> history;
    for (const seqrec::item_t item : data.history(0)) history.emplace_back(data.item_ids[item]);
    const std::string buyer(data.user_ids[0]);

    const std::filesystem::path checkpoint = "orders.safetensors";
    const Model model = train(std::move(data), settings.epochs, checkpoint);

    // Elsewhere, without the data: the file knows the options, the weights and the ids.
    const auto loaded = seqrec::load<Model>(checkpoint);
    seqrec::cpu::Context context;
    history.emplace_back("SKU-of-yesterday");  // which the model has never seen
    const auto answer = seqrec::recommend(loaded, context, history, 5, /*exclusions=*/history);
    std::cout << "for buyer " << buyer << ", passing over " << answer.unknown.history << " unknown id:\n";
    for (const auto& [id, score] : answer.items) std::cout << "  " << id << "  " << score << '\n';

    const auto again = seqrec::recommend(model, context, history, 5, history);
    for (std::size_t i = 0; i < answer.items.size(); ++i)
      if (again.items[i].id != answer.items[i].id || again.items[i].score != answer.items[i].score)
        throw seqrec::Error("the loaded model says something else");
  });
}
