#include "connectors/kafka/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"
#include "connectors/kafka/disk_error.h"
#include "engine/base/bytes.h"
#include "engine/base/hash.h"

namespace sekisho::connectors {
namespace {

constexpr std::string_view kMagic = "sekisho-position-2\n";

void PutFile(const FilePosition& file, ByteWriter* writer) {
  writer->PutVarint(file.device);
  writer->PutVarint(file.inode);
  writer->PutVarint(file.base);
  writer->PutVarint(file.offset);
  writer->PutVarint(file.head_bytes);
  writer->PutFixed64(file.head_digest);
  writer->PutVarint(file.previous_inode);
}

FilePosition GetFile(ByteReader* reader) {
  FilePosition file;
  file.device = reader->Varint();
  file.inode = reader->Varint();
  file.base = reader->Varint();
  file.offset = reader->Varint();
  file.head_bytes = reader->VarintUpTo(LogFollower::kHeadBytes);
  file.head_digest = reader->Fixed64();
  file.previous_inode = reader->Varint();
  return file;
}

// Creates or replaces the file, and doesn't return before the disk has it.
absl::Status WriteDurably(const std::string& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return DiskError(path, "opened");
  size_t done = 0;
  bool good = true;
  while (good && done < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    good = n > 0;
    if (good) done += static_cast<size_t>(n);
  }
  good = good && ::fsync(fd) == 0;
  absl::Status status = good ? absl::OkStatus() : DiskError(path, "written");
  ::close(fd);
  return status;
}

}  // namespace

void EncodeEventEntry(std::string_view key, std::string_view value, std::string* out) {
  out->assign(1, static_cast<char>(JournalEntry::Kind::kEvent));
  ByteWriter writer(out);
  writer.PutBytes(key);
  writer.PutBytes(value);
}

void EncodeFileEntry(uint32_t stream, const FilePosition& file, std::string* out) {
  out->assign(1, static_cast<char>(JournalEntry::Kind::kFile));
  ByteWriter writer(out);
  writer.PutVarint(stream);
  PutFile(file, &writer);
}

void EncodeTakenEntry(uint32_t stream, uint64_t offset, std::string* out) {
  out->assign(1, static_cast<char>(JournalEntry::Kind::kTaken));
  ByteWriter writer(out);
  writer.PutVarint(stream);
  writer.PutVarint(offset);
}

bool DecodeEntry(std::string_view bytes, JournalEntry* entry) {
  if (bytes.empty()) return false;
  entry->kind = static_cast<JournalEntry::Kind>(bytes.front());
  ByteReader reader(bytes.substr(1));
  switch (entry->kind) {
    case JournalEntry::Kind::kEvent:
      entry->key = reader.Bytes();
      entry->value = reader.Bytes();
      return reader.done();
    case JournalEntry::Kind::kFile:
      entry->stream = static_cast<uint32_t>(reader.VarintUpTo(ConnectorPosition::kStreamsMax));
      entry->file = GetFile(&reader);
      return reader.done();
    case JournalEntry::Kind::kTaken:
      entry->stream = static_cast<uint32_t>(reader.VarintUpTo(ConnectorPosition::kStreamsMax));
      entry->offset = reader.Varint();
      return reader.done();
  }
  return false;
}

absl::StatusOr<ConnectorPosition> LoadPosition(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return absl::NotFoundError(absl::StrCat(path, ": not there"));
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) return absl::DataLossError(absl::StrCat(path, ": can't be read"));
  const absl::Status damaged = absl::DataLossError(absl::StrCat(path, ": damaged, or written by another version"));
  if (bytes.size() < kMagic.size() + 8 || bytes.compare(0, kMagic.size(), kMagic) != 0) return damaged;
  const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - 8);
  if (ByteReader(std::string_view(bytes).substr(body.size())).Fixed64() != PinnedHash64(body)) return damaged;
  ByteReader reader(body.substr(kMagic.size()));
  ConnectorPosition position;
  position.epoch = reader.Fixed64();
  position.spool_place = reader.Varint();
  position.acknowledged_place = reader.Varint();
  position.streams.resize(std::min(reader.Length(1), ConnectorPosition::kStreamsMax));
  for (ConnectorPosition::Stream& stream : position.streams) {
    stream.path = reader.Bytes();
    stream.file = GetFile(&reader);
  }
  position.parser_state = reader.Bytes();
  if (!reader.done()) return damaged;
  return position;
}

absl::Status SavePosition(const ConnectorPosition& position, const std::string& path) {
  std::string bytes(kMagic);
  ByteWriter writer(&bytes);
  writer.PutFixed64(position.epoch);
  writer.PutVarint(position.spool_place);
  writer.PutVarint(position.acknowledged_place);
  writer.PutVarint(position.streams.size());
  for (const ConnectorPosition::Stream& stream : position.streams) {
    writer.PutBytes(stream.path);
    PutFile(stream.file, &writer);
  }
  writer.PutBytes(position.parser_state);
  writer.PutFixed64(PinnedHash64(bytes));
  const std::string beside = path + ".new";
  if (absl::Status written = WriteDurably(beside, bytes); !written.ok()) return written;
  if (::rename(beside.c_str(), path.c_str()) != 0) return DiskError(path, "replaced");
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return DiskError(folder, "opened");
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  return synced ? absl::OkStatus() : DiskError(folder, "synced");
}

}  // namespace sekisho::connectors
