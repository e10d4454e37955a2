#include "engine/app/run_marker.h"

#include <algorithm>

#include "engine/app/terminal.h"
#include "engine/base/bytes.h"

namespace sekisho::app {
namespace {

// 2: entities.
constexpr uint64_t kMarkerVersion = 2;

absl::Status Changed(const std::string& what) {
  return absl::FailedPreconditionError(
      what + "; a run goes on only from what it began with: use another --state directory, or restore it");
}

}  // namespace

std::string RunMarker::Encode() const {
  std::string out;
  ByteWriter w(&out);
  w.PutVarint(kMarkerVersion);
  w.PutVarint(setup.size());
  for (const auto& [name, value] : setup) {
    w.PutBytes(name);
    w.PutBytes(value);
  }
  w.PutVarint(inputs.size());
  for (const InputMark& input : inputs) {
    w.PutBytes(input.path);
    w.PutVarint(input.end_offset);
    w.PutFixed64(input.digest);
  }
  w.PutVarint(lines);
  w.PutZigzag(next.value);
  w.PutVarint(dead_letter_bytes);
  w.PutVarint(finished ? 1 : 0);
  w.PutBytes(entities);
  return out;
}

absl::StatusOr<RunMarker> RunMarker::Decode(std::string_view bytes) {
  ByteReader r(bytes);
  const uint64_t version = r.Varint();
  if (version != kMarkerVersion) {
    return absl::FailedPreconditionError("the state was written by another version of sekisho (format " +
                                         std::to_string(version) + ", this one reads " +
                                         std::to_string(kMarkerVersion) + ")");
  }
  RunMarker marker;
  marker.setup.resize(r.Length(2));
  for (auto& [name, value] : marker.setup) {
    name = r.Bytes();
    value = r.Bytes();
  }
  marker.inputs.resize(r.Length(10));
  for (InputMark& input : marker.inputs) {
    input.path = r.Bytes();
    input.end_offset = r.Varint();
    input.digest = r.Fixed64();
  }
  marker.lines = r.Varint();
  marker.next = Offset{r.Zigzag()};
  marker.dead_letter_bytes = r.Varint();
  marker.finished = r.VarintUpTo(1) == 1;
  marker.entities = std::string(r.Bytes());
  if (!r.done()) return absl::DataLossError("the state's marker is damaged");
  return marker;
}

absl::Status CheckSameRun(const RunMarker& stored, const RunMarker& present) {
  const auto same_path = [](const InputMark& a, const InputMark& b) { return a.path == b.path; };
  if (!std::equal(stored.inputs.begin(), stored.inputs.end(), present.inputs.begin(), present.inputs.end(),
                  same_path)) {
    std::string was;
    for (const InputMark& input : stored.inputs) was += " " + Printable(input.path);
    return Changed("the list of input files has changed (it was:" + was + ")");
  }
  for (const auto& [name, value] : present.setup) {
    const auto found = std::find_if(stored.setup.begin(), stored.setup.end(),
                                    [&name = name](const auto& entry) { return entry.first == name; });
    if (found == stored.setup.end() || found->second != value) {
      return Changed(name + " has changed (it was \"" +
                     Printable(found == stored.setup.end() ? "" : found->second) + "\", now \"" + Printable(value) +
                     "\")");
    }
  }
  return absl::OkStatus();
}

}  // namespace sekisho::app
