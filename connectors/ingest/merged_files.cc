// The file that gave the last line stays out of the heap: it mostly gives the next one too.
#include "connectors/ingest/merged_files.h"

#include <algorithm>
#include <utility>

#include "connectors/common/mail_text.h"

namespace sekisho::connectors {

std::unique_ptr<MergedFiles> MergedFiles::Open(const std::vector<std::string>& paths, const Options& options) {
  std::unique_ptr<MergedFiles> merged(new MergedFiles);
  merged->files_.resize(paths.size());
  for (uint32_t i = 0; i < paths.size(); ++i) {
    File& file = merged->files_[i];
    auto source = LineSource::Open(paths[i]);
    if (!source.ok()) {
      file.error = source.status();
      continue;
    }
    file.source = *std::move(source);
    HeaderOptions header;
    header.zone = options.zone;
    header.first_year = options.year;
    header.reference = file.source->modified().never() ? options.now : file.source->modified();
    file.header = std::make_unique<HeaderParser>(header);
    merged->Read(&file);
    if (merged->Advance(&file)) merged->waiting_.push_back(i);
  }
  const auto later = [m = merged.get()](uint32_t a, uint32_t b) { return m->Before(b, a); };
  std::make_heap(merged->waiting_.begin(), merged->waiting_.end(), later);
  return merged;
}

bool MergedFiles::Before(uint32_t a, uint32_t b) const {
  const EventTime key_a = files_[a].key, key_b = files_[b].key;
  return key_a != key_b ? key_a < key_b : a < b;
}

bool MergedFiles::ReadMessage(File* file, Slot* slot) {
  slot->mail.clear();
  const auto take = [slot](std::string_view text) {
    if (slot->mail.size() + text.size() >= kMailBytesMax) return;
    slot->mail.append(text).push_back('\n');
  };
  if (file->format == Format::kMessage) take(slot->raw.text);
  bool after_empty = false;
  RawLine line;
  while (file->source->Next(&line)) {
    if (file->format == Format::kMbox && after_empty && line.text.starts_with("From ") && LooksLikeMail(line.text)) {
      file->next_message = line;
      file->next_message->text = {};
      break;
    }
    after_empty = line.text.empty();
    slot->raw.end_offset = line.end_offset;
    slot->raw.digest = line.digest;
    take(line.text);
  }
  if (!file->source->status().ok()) return false;
  slot->raw.text = kMailProgram;
  slot->raw.too_long = false;
  slot->line = {MailTime(slot->mail), {}, kMailProgram, slot->mail};
  return true;
}

void MergedFiles::Read(File* file) {
  Slot& slot = file->slots[file->current ^ 1];
  file->has_next = false;
  if (file->source == nullptr) return;
  if (file->next_message) {
    slot.raw = *file->next_message;
    file->next_message.reset();
    file->has_next = true;
  } else {
    file->has_next = file->source->Next(&slot.raw);
  }
  if (file->has_next && file->format == Format::kUnknown) {
    const std::string_view first = slot.raw.text;
    file->format = !LooksLikeMail(first) ? Format::kLog : first.starts_with("From ") ? Format::kMbox : Format::kMessage;
  }
  if (file->has_next && file->format != Format::kLog) {
    file->has_next = ReadMessage(file, &slot);
  } else if (file->has_next) {
    slot.line = file->header->Parse(slot.raw.text);
  }
  if (!file->has_next && !file->source->status().ok()) file->error = file->source->status();
}

bool MergedFiles::Advance(File* file) {
  if (!file->has_next) {
    if (file->source != nullptr) {
      file->disk_bytes_read = file->source->disk_bytes_read();
      file->disk_bytes = file->source->disk_bytes();
      file->source.reset();
      file->header.reset();
    }
    return false;
  }
  file->current ^= 1;
  Read(file);
  const EventTime own = file->slots[file->current].line.time;
  if (own.never()) return true;  // the key stays
  file->key = own;
  if (file->has_next) {
    const EventTime next = file->slots[file->current ^ 1].line.time;
    const EventTime other = next.never() ? file->last_timed : next;
    if (!other.never()) file->key = std::min(own, other);
  }
  file->last_timed = own;
  return true;
}

bool MergedFiles::Next(MergedLine* line) {
  const auto later = [this](uint32_t a, uint32_t b) { return Before(b, a); };
  if (given_ && !Advance(&files_[*given_])) given_.reset();
  if (!waiting_.empty() && (!given_ || Before(waiting_.front(), *given_))) {
    std::pop_heap(waiting_.begin(), waiting_.end(), later);
    const uint32_t first = waiting_.back();
    waiting_.pop_back();
    if (given_) {
      waiting_.push_back(*given_);
      std::push_heap(waiting_.begin(), waiting_.end(), later);
    }
    given_ = first;
  }
  if (!given_) return false;
  File& file = files_[*given_];
  const Slot& slot = file.slots[file.current];
  line->file = *given_;
  line->raw = slot.raw;
  line->line = slot.line;
  line->key = file.key;
  file.end_offset = slot.raw.end_offset;
  file.digest = slot.raw.digest;
  return true;
}

uint64_t MergedFiles::disk_bytes_read() const {
  uint64_t sum = 0;
  for (const File& file : files_) sum += file.source != nullptr ? file.source->disk_bytes_read() : file.disk_bytes_read;
  return sum;
}

uint64_t MergedFiles::disk_bytes() const {
  uint64_t sum = 0;
  for (const File& file : files_) sum += file.source != nullptr ? file.source->disk_bytes() : file.disk_bytes;
  return sum;
}

}  // namespace sekisho::connectors
