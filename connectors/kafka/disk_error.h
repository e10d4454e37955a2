// What the spool and its position file say of a disk that doesn't do its part.
#ifndef SEKISHO_CONNECTORS_KAFKA_DISK_ERROR_H_
#define SEKISHO_CONNECTORS_KAFKA_DISK_ERROR_H_

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sekisho::connectors {

// Unavailable, by what errno says: `path` can't be `what` ("opened", "written").
inline absl::Status DiskError(const std::string& path, std::string_view what) {
  return absl::UnavailableError(absl::StrCat(path, ": can't be ", std::string(what), ": ", std::strerror(errno)));
}

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_KAFKA_DISK_ERROR_H_
