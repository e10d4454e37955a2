// Stores the schema as it is now beside the sources, unless that would break somebody who speaks the stored one.
// Run by the target proto_update: update_descriptor STORED CURRENT
#include <cstdio>
#include <fstream>

#include "proto/compat.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: update_descriptor STORED CURRENT\n");
    return 2;
  }
  google::protobuf::FileDescriptorSet stored, current;
  std::ifstream stored_in(argv[1], std::ios::binary), current_in(argv[2], std::ios::binary);
  if (stored_in && !stored.ParseFromIstream(&stored_in)) {
    std::fprintf(stderr, "%s: not a descriptor set\n", argv[1]);
    return 1;
  }
  if (!current.ParseFromIstream(&current_in)) {
    std::fprintf(stderr, "%s: not a descriptor set\n", argv[2]);
    return 1;
  }
  const auto changes = sekisho::IncompatibleChanges(stored, current);
  for (const std::string& change : changes) std::fprintf(stderr, "incompatible: %s\n", change.c_str());
  if (!changes.empty()) return 1;
  std::ofstream out(argv[1], std::ios::binary | std::ios::trunc);
  if (!current.SerializeToOstream(&out)) {
    std::fprintf(stderr, "%s: cannot be written\n", argv[1]);
    return 1;
  }
  return 0;
}
