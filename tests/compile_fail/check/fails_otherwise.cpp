// SPDX-License-Identifier: Apache-2.0
// expect: this sentence, which no compiler says of a missing semicolon
int main() { return 0 }
