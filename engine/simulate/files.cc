// Simulate(): the sinks that write logs and truth into a directory.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "engine/simulate/simulate.h"
#include "engine/simulate/text.h"

namespace sekisho::simulate {
namespace {

// A file being written through a buffer. Errors name the path and what the system said.
class OutFile {
 public:
  absl::Status Open(const std::string& path) {
    path_ = path;
    file_.reset(std::fopen(path.c_str(), "wb"));
    if (!file_) return Error("open");
    std::setvbuf(file_.get(), nullptr, _IOFBF, 1 << 18);
    return absl::OkStatus();
  }
  bool open() const { return file_ != nullptr; }
  absl::Status Write(std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) return Error("write");
    return absl::OkStatus();
  }
  absl::Status Close() {
    if (std::fclose(file_.release()) != 0) return Error("close");
    return absl::OkStatus();
  }
  // Sets access and modification time: readers of RFC 3164 logs infer the year from it.
  absl::Status SetTime(EventTime at) {
    const timespec when{static_cast<time_t>(at.millis() / 1000), 0};
    const timespec times[2] = {when, when};
    if (utimensat(AT_FDCWD, path_.c_str(), times, 0) != 0) return Error("set the time of");
    return absl::OkStatus();
  }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  absl::Status Error(std::string_view what) const {
    return absl::UnavailableError("cannot " + std::string(what) + " " + path_ + ": " + std::strerror(errno));
  }
  std::string path_;
  std::unique_ptr<std::FILE, Closer> file_;
};

// A JSON string. Our names hold no control characters.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted += '"';
}

class DirectorySink : public LogSink, public TruthSink {
 public:
  explicit DirectorySink(std::string directory) : directory_(std::move(directory)) {}

  absl::Status Open() {
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    if (error) return absl::UnavailableError("cannot make " + directory_ + ": " + error.message());
    // A log of an earlier run that this one doesn't write would be taken for a part of it.
    for (int i = 0; i < kLogFileCount; ++i) {
      std::filesystem::remove(Path(LogFileName(static_cast<LogFile>(i))), error);
    }
    if (absl::Status status = abuse_.Open(Path("truth-abuse.tsv")); !status.ok()) return status;
    return abuse_.Write("account\ttime\trecipients\tclient\n");
  }

  absl::Status Line(LogFile file, EventTime at, std::string_view line) override {
    OutFile& out = files_[static_cast<size_t>(file)];
    if (!out.open()) {
      if (absl::Status status = out.Open(Path(LogFileName(file))); !status.ok()) return status;
    }
    last_[static_cast<size_t>(file)] = at;
    buffer_.assign(line);
    buffer_.push_back('\n');
    return out.Write(buffer_);
  }

  absl::Status Abuse(std::string_view account, const AbusiveMessage& message) override {
    buffer_.clear();
    Text(&buffer_) << account << '\t' << FormatRfc3339(message.time) << '\t' << message.recipients << '\t'
                   << message.client.ToString() << '\n';
    return abuse_.Write(buffer_);
  }

  absl::Status Account(const AccountTruth& t) override {
    Text out(&accounts_);
    out << (accounts_.empty() ? "\n" : ",\n") << "    {\"account\": " << Quoted(t.account)
        << ", \"kind\": " << Quoted(KindName(t.kind)) << ", \"stolen\": " << (t.stolen ? "true" : "false");
    if (t.stolen) {
      out << ", \"attack\": " << Quoted(AttackName(t.attack))
          << ", \"compromised\": " << Quoted(FormatRfc3339(t.compromised))
          << ", \"first_abuse\": " << Quoted(FormatRfc3339(t.first_abuse))
          << ", \"last_abuse\": " << Quoted(FormatRfc3339(t.last_abuse)) << ", \"messages\": " << t.messages
          << ", \"recipients\": " << t.recipients << ", \"addresses\": " << t.addresses
          << ", \"countries\": " << t.countries;
    }
    out << '}';
    return absl::OkStatus();
  }

  absl::Status Finish(const SimulateOptions& options, const SimulateSummary& summary) {
    for (size_t i = 0; i < kLogFileCount; ++i) {
      if (!files_[i].open()) continue;
      if (absl::Status status = files_[i].Close(); !status.ok()) return status;
      if (absl::Status status = files_[i].SetTime(last_[i]); !status.ok()) return status;
    }
    if (absl::Status status = abuse_.Close(); !status.ok()) return status;
    return WriteTruth(options, summary);
  }

 private:
  std::string Path(std::string_view name) const { return directory_ + "/" + std::string(name); }

  absl::Status WriteTruth(const SimulateOptions& o, const SimulateSummary& s) {
    std::string json;
    Text out(&json);
    const auto number = [&](std::string_view name, double value) {
      char digits[32];
      std::snprintf(digits, sizeof(digits), "%.10g", value);
      out << "    " << Quoted(name) << ": " << digits << ",\n";
    };
    out << "{\n  \"version\": 1,\n  \"seed\": " << o.seed
        << ",\n  \"start\": " << Quoted(FormatRfc3339(o.start))
        << ",\n  \"end\": " << Quoted(FormatRfc3339(o.start + Span::Days(o.days)))
        << ",\n  \"days\": " << o.days << ",\n  \"account_days\": " << uint64_t{o.days} * o.accounts
        << ",\n  \"year\": " << s.year << ",\n  \"zone_minutes\": " << o.zone_minutes
        << ",\n  \"webmail_hosts\": [" << Quoted(s.webmail_host)
        << "],\n  \"default_realm\": " << Quoted(s.default_realm) << ",\n  \"files\": [";
    bool first = true;
    for (size_t i = 0; i < kLogFileCount; ++i) {
      if (last_[i].never()) continue;
      out << (first ? "" : ", ") << Quoted(LogFileName(static_cast<LogFile>(i)));
      first = false;
    }
    out << "],\n  \"parameters\": {\n";
    number("accounts", o.accounts);
    number("imap_logins_per_day", o.imap_logins_per_day);
    number("inbound_per_day", o.inbound_per_day);
    number("guesses_per_day", o.guesses_per_day);
    number("relay_share", o.relay_share);
    number("stolen_share", o.stolen_share);
    number("history_share", o.history_share);
    number("history_days", o.history_days);
    number("intensity", o.intensity);
    number("stealth", o.stealth);
    number("return_share", o.return_share);
    number("lost_share", o.lost_share);
    number("duplicated_share", o.duplicated_share);
    number("skew_seconds", o.skew_seconds);
    for (size_t i = 0; i < kKindCount; ++i) {
      number("share." + std::string(KindName(static_cast<Kind>(i))), o.kind_shares[i]);
    }
    for (const auto& [code, weight] : o.owner_countries) number("country." + code, weight);
    for (size_t i = 0; i < kAttackCount; ++i) {
      number("attack." + std::string(AttackName(static_cast<Attack>(i))), o.attack_weights[i]);
    }
    out << "    \"header\": " << (o.header == HeaderStyle::kRfc3164 ? "\"rfc3164\"" : "\"iso8601\"")
        << ",\n    \"long_queue_ids\": " << (o.long_queue_ids ? "true" : "false")
        << "\n  },\n  \"lines\": " << s.lines << ",\n  \"submissions\": " << s.submissions
        << ",\n  \"stolen_accounts\": " << s.stolen_accounts
        << ",\n  \"abusive_messages\": " << s.abusive_messages << ",\n  \"accounts\": [";
    OutFile file;
    if (absl::Status status = file.Open(Path("truth.json")); !status.ok()) return status;
    for (std::string_view part :
         {std::string_view(json), std::string_view(accounts_), std::string_view("\n  ]\n}\n")}) {
      if (absl::Status status = file.Write(part); !status.ok()) return status;
    }
    return file.Close();
  }

  std::string directory_;
  std::array<OutFile, kLogFileCount> files_;
  std::array<EventTime, kLogFileCount> last_;
  OutFile abuse_;
  std::string accounts_;  // the JSON of truth.json's "accounts"
  std::string buffer_;
};

}  // namespace

absl::Status Simulate(const SimulateOptions& options, SimulateSummary* summary) {
  if (options.out_dir.empty()) return absl::InvalidArgumentError("out_dir: must be given");
  if (absl::Status status = ValidateOptions(options); !status.ok()) return status;
  DirectorySink sink(options.out_dir);
  if (absl::Status status = sink.Open(); !status.ok()) return status;
  SimulateSummary result;
  if (absl::Status status = SimulateTo(options, &sink, &sink, &result); !status.ok()) return status;
  if (absl::Status status = sink.Finish(options, result); !status.ok()) return status;
  if (summary != nullptr) *summary = result;
  return absl::OkStatus();
}

}  // namespace sekisho::simulate
