// Arbitrary bytes as a geo file: refused or answered, never a crash, a hang or a read outside. libmaxminddb reads files
// only, so the bytes go through one in memory.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "engine/geo/geo.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int file = memfd_create("geo_fuzz", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) return 0;
  auto db = sekisho::GeoDatabase::Open(path);
  if (!db.ok()) return 0;
  for (uint32_t k = 0; k < 256; ++k) (*db)->Lookup(sekisho::IpAddress::FromV4(k << 24 | 1));
  return 0;
}
