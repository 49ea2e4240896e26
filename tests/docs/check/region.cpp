// SPDX-License-Identifier: Apache-2.0
// A region for the test of the snippet check; nobody compiles it.
int main() {
  // [region]
  const int values[] = {1, 2};

  for (const int value : values) {
    use(value);
  }
  // [region]
}
