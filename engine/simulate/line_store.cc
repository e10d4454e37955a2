#include "engine/simulate/line_store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sekisho::simulate {
namespace {

// A line in a temporary file: this, then the message. Written and read by the same process, so memory's own
// layout.
struct SpilledHeader {
  LineInfo info;
  uint16_t length = 0;
};

absl::Status SpillError(std::string_view what) {
  return absl::UnavailableError("cannot " + std::string(what) + " a temporary file: " + std::strerror(errno));
}

}  // namespace

// Merging reads every run from its front. In memory: text and refs of the store. In a file: from its position
// on.
class LineStore::Run {
 public:
  Run(const std::vector<Ref>* refs, const std::string* text) : refs_(refs), text_(text) {}
  explicit Run(std::FILE* file) : file_(file) {}

  // Goes on to the next line; has_line() is false after the last.
  absl::Status Next() {
    if (file_ == nullptr) {
      has_line_ = next_ < refs_->size();
      if (!has_line_) return absl::OkStatus();
      const Ref& ref = (*refs_)[next_++];
      info_ = ref.info;
      message_ = std::string_view(*text_).substr(ref.offset, ref.length);
      return absl::OkStatus();
    }
    SpilledHeader header;
    has_line_ = std::fread(&header, sizeof(header), 1, file_) == 1;
    if (!has_line_) return std::ferror(file_) != 0 ? SpillError("read") : absl::OkStatus();
    info_ = header.info;
    buffer_.resize(header.length);
    if (std::fread(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) return SpillError("read");
    message_ = buffer_;
    return absl::OkStatus();
  }
  bool has_line() const { return has_line_; }
  const LineInfo& info() const { return info_; }
  std::string_view message() const { return message_; }

 private:
  const std::vector<Ref>* refs_ = nullptr;
  const std::string* text_ = nullptr;
  std::FILE* file_ = nullptr;
  size_t next_ = 0;
  bool has_line_ = false;
  LineInfo info_;
  std::string buffer_;
  std::string_view message_;
};

void LineStore::Add(const LineInfo& info, std::string_view message) {
  if (refs_.size() >= lines_max_) {
    if (absl::Status status = Spill(); !status.ok()) {
      // Nothing of this run can be right any more: drop, and say so at the next Drain.
      status_.Update(status);
      refs_.clear();
      text_.clear();
    }
  }
  const size_t length = std::min<size_t>(message.size(), 0xffff);
  refs_.push_back(Ref{info, text_.size(), static_cast<uint16_t>(length)});
  text_.append(message.substr(0, length));
}

void LineStore::Sort() {
  std::sort(refs_.begin(), refs_.end(), [](const Ref& a, const Ref& b) {
    return a.info.at != b.info.at ? a.info.at < b.info.at : a.offset < b.offset;
  });
}

absl::Status LineStore::Spill() {
  Sort();
  std::unique_ptr<std::FILE, Closer> file(std::tmpfile());
  if (!file) return SpillError("make");
  for (const Ref& ref : refs_) {
    SpilledHeader header;
    std::memset(static_cast<void*>(&header), 0, sizeof(header));  // padding, too, is written
    header.info = ref.info;
    header.length = ref.length;
    if (std::fwrite(&header, sizeof(header), 1, file.get()) != 1 ||
        std::fwrite(text_.data() + ref.offset, 1, ref.length, file.get()) != ref.length) {
      return SpillError("write");
    }
  }
  if (std::fflush(file.get()) != 0 || std::fseek(file.get(), 0, SEEK_SET) != 0) return SpillError("write");
  spilled_.push_back(std::move(file));
  refs_.clear();
  text_.clear();
  return absl::OkStatus();
}

absl::Status LineStore::Drain(Micros end,
                              const std::function<absl::Status(const LineInfo&, std::string_view)>& take) {
  if (!status_.ok()) return status_;
  Sort();
  std::vector<Run> runs;
  for (const auto& file : spilled_) runs.emplace_back(file.get());
  runs.emplace_back(&refs_, &text_);
  for (Run& run : runs) {
    if (absl::Status status = run.Next(); !status.ok()) return status;
  }
  for (;;) {
    // A day has a handful of runs: looking at each is quicker than a heap. The earliest run wins a tie.
    Run* first = nullptr;
    for (Run& run : runs) {
      if (run.has_line() && run.info().at < end && (first == nullptr || run.info().at < first->info().at))
        first = &run;
    }
    if (first == nullptr) break;
    if (absl::Status status = take(first->info(), first->message()); !status.ok()) return status;
    if (absl::Status status = first->Next(); !status.ok()) return status;
  }
  // What is left (retries after midnight, sessions that go on) becomes the start of what comes next.
  LineStore kept(lines_max_);
  for (Run& run : runs) {
    while (run.has_line()) {
      kept.Add(run.info(), run.message());
      if (absl::Status status = run.Next(); !status.ok()) return status;
    }
  }
  refs_.swap(kept.refs_);
  text_.swap(kept.text_);
  spilled_.swap(kept.spilled_);
  status_ = kept.status_;
  return status_;
}

}  // namespace sekisho::simulate
