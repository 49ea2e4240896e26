// SPDX-License-Identifier: Apache-2.0
// A host view where device memory is wanted.
// expect: HostSpace
// expect: DeviceSpace
#include "seqrec/core/tensor.hpp"

void on_device(seqrec::VectorView<const float, seqrec::DeviceSpace>);

void run(seqrec::VectorView<float, seqrec::HostSpace> host) { on_device(host); }
