// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/hash.hpp"

#include <cstdint>
#include <string>

#include "support/catch.hpp"

using namespace seqrec;
using namespace std::string_literals;

TEST_CASE("the hash of bytes is FNV-1a", "[core]") {
  // test vectors of Fowler, Noll and Vo
  CHECK(Hash().value() == 0xcbf29ce484222325ull);
  CHECK(Hash().add("a").value() == 0xaf63dc4c8601ec8cull);
  CHECK(Hash().add("foobar").value() == 0x85944171f73967e8ull);
  CHECK(Hash().add("foo").add("bar").value() == Hash().add("foobar").value());
  CHECK(Hash().add("\0"s).value() != Hash().value());
  CHECK(Hash().add("\xFF").value() == (0xcbf29ce484222325ull ^ 0xFF) * 0x100000001B3ull);
}

TEST_CASE("integers are hashed as eight little-endian bytes of any width", "[core]") {
  CHECK(Hash().add(0x0102030405060708).value() == Hash().add("\x08\x07\x06\x05\x04\x03\x02\x01").value());
  CHECK(Hash().add(std::int32_t{-2}).value() == Hash().add(std::int64_t{-2}).value());
  CHECK(Hash().add(std::uint8_t{200}).value() == Hash().add(200).value());
  CHECK(Hash().add(1).add(2).value() != Hash().add(2).add(1).value());
  CHECK(Hash().add(0).value() != Hash().value());
}

TEST_CASE("a hash is written as sixteen digits", "[core]") {
  CHECK(Hash().text() == "cbf29ce484222325");
  CHECK(Hash().add("foobar").text() == "85944171f73967e8");
}
