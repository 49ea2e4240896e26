// SPDX-License-Identifier: Apache-2.0
// A kernel with its arguments, as calls see it that no longer know the kernel's type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "emulator/language.hpp"

namespace emulator {

/// What the runtime knows of a kernel.
struct Function {
  const void* kernel;
  std::string_view name;
  void (*run)(void* const* parameters);  ///< pointers to one value for each of the kernel's parameters
  std::vector<std::size_t> sizes;        ///< of those
};

/// The kernel's name as the compiler writes it (clang 14 leaves out template arguments).
template <auto Kernel>
std::string_view kernel_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("Kernel = ") + 9);
  if (text.front() == '&') text.remove_prefix(1);
  return text.substr(0, text.find_first_of(";]"));
}

/// Calls a kernel, as one thread, with what its parameters are.
template <auto Kernel, class... Parameters>
void run_kernel([[maybe_unused]] void* const* parameters) {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "a launch copies a kernel's arguments byte by byte");
  static_assert(((alignof(Parameters) <= 16) && ...));
  [&]<std::size_t... I>(std::index_sequence<I...>) { Kernel(*static_cast<const Parameters*>(parameters[I])...); }
  (std::index_sequence_for<Parameters...>());
}

/// A kernel as a function of the runtime.
template <auto Kernel>
const Function& function() {
  static const Function known = []<class... Parameters>(void (*kernel)(Parameters...)) {
    return Function{reinterpret_cast<const void*>(kernel),
                    kernel_name<Kernel>(),
                    run_kernel<Kernel, Parameters...>,
                    {sizeof(Parameters)...}};
  }(Kernel);
  return known;
}

/// What every thread of every block of a launch runs, and in which order. Keeps copies of the arguments.
class KernelCall {
 public:
  /// @param parameters  pointers to one value for each of the kernel's parameters
  KernelCall(const Function& function, dim3 grid_, dim3 block_, std::size_t shared_bytes_, void* const* parameters)
      : grid(grid_), block(block_), shared_bytes(shared_bytes_), function_(&function) {
    std::size_t pieces = 0;
    for (const std::size_t size : function.sizes) pieces += pieces_of(size);
    copies_.resize(pieces);
    pieces = 0;
    for (std::size_t i = 0; i < function.sizes.size(); ++i) {
      parameters_.push_back(&copies_[pieces]);
      std::memcpy(parameters_.back(), parameters[i], function.sizes[i]);
      pieces += pieces_of(function.sizes[i]);
    }
  }
  KernelCall(const KernelCall&) = delete;
  KernelCall& operator=(const KernelCall&) = delete;

  void operator()() const { function_->run(parameters_.data()); }
  std::string_view kernel() const { return function_->name; }
  const Function& function() const { return *function_; }

  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  std::uint64_t seed = 0;         ///< of the schedule: 0 forward, 1 reversed, others shuffled
  std::uint64_t first_block = 1;  ///< blocks of all launches before, and one

 private:
  struct alignas(16) Piece {
    std::byte bytes[16];
  };
  static std::size_t pieces_of(std::size_t bytes) { return (bytes + sizeof(Piece) - 1) / sizeof(Piece); }

  const Function* function_;
  std::vector<Piece> copies_;
  std::vector<void*> parameters_;
};

}  // namespace emulator
