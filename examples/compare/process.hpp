// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace examples::compare {

/// Runs a program, one on PATH if its name has no slash, with what it prints going to a file, and waits for it.
/// @param waiting  called several times a second meanwhile
/// @return its exit status, or 128 and the number of the signal that ended it
/// @throws seqrec::DataError where it cannot be started
int run_process(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                const std::filesystem::path& log, const std::function<void()>& waiting);

/// The last line of a file that is not empty; "" without.
std::string last_line(const std::filesystem::path& path);

}  // namespace examples::compare
