#include "engine/simulate/lines.h"

#include <algorithm>

#include "engine/simulate/activity.h"
#include "engine/simulate/text.h"

namespace sekisho::simulate {
namespace {

constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view kPrograms[kProgramCount] = {"postfix/smtpd",
                                                       "postfix/submission/smtpd",
                                                       "postfix/submissions/smtpd",
                                                       "postfix/cleanup",
                                                       "postfix/qmgr",
                                                       "postfix/smtp",
                                                       "postfix/lmtp",
                                                       "postfix/bounce",
                                                       "dovecot",
                                                       ""};
constexpr std::string_view kHostNames[kLogFileCount] = {"mx-1",   "submission-1", "submission-2", "relay-1",
                                                        "imap-1", "webmail-1",    "webmail-1"};
// Postfix's max_use: after so many uses a process ends and the master starts another.
constexpr uint32_t kUsesMax = 100;

}  // namespace

CivilDay CivilFromDays(int64_t day_number) {
  // Days counted from 0000-03-01, in eras of 400 years (Hinnant, "chrono-compatible low-level date
  // algorithms").
  const int64_t z = day_number + 719'468;
  const int64_t era = (z >= 0 ? z : z - 146'096) / 146'097;
  const int64_t day_of_era = z - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0)), month,
          static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1)};
}

std::string_view HostName(LogFile file) { return kHostNames[static_cast<size_t>(file)]; }

LogBuffer::LogBuffer(const SimulateOptions& options, LogSink* sink, ActivitySink* activities)
    : options_(options),
      sink_(sink),
      activities_(activities),
      faults_(Key({options.seed, 0xfa17})),
      pids_(Key({options.seed, 0x91d5})) {
  // The hosts' clocks: the two webmail files come from one host.
  const int order = static_cast<int>(faults_.Below(6));
  for (int i = 0; i < kLogFileCount; ++i) {
    Host& host = hosts_[static_cast<size_t>(i)];
    host.next_pid = static_cast<uint32_t>(pids_.Between(700, 4000));
    host.qmgr_pid = host.next_pid++;
    const int clock = (std::min(i, 5) + order) % 6;
    host.clock_offset = static_cast<Micros>(options.skew_seconds * (clock / 5.0 - 0.5) * 1e6);
  }
}

void LogBuffer::Add(Micros at, LogFile file, Program program, Place place, uint64_t session,
                    std::string_view message) {
  store_.Add(LineInfo{at, session, file, program, place}, message);
}

void LogBuffer::Tell(Micros at, const Activity& activity) {
  PackActivity(activity, &line_);
  store_.Add(LineInfo{at, 0, activity.file, Program::kSmtpd, Place::kAlone}, line_);
}

absl::Status LogBuffer::EmitActivity(const LineInfo& line, std::string_view bytes) {
  Activity activity = UnpackActivity(bytes, &recipients_);
  // Roundcube's stamps and RFC 3164's have whole seconds.
  Micros said = line.at + hosts_[static_cast<size_t>(line.file)].clock_offset;
  const bool webmail = line.file == LogFile::kWebmailUserlogins || line.file == LogFile::kWebmailSendmail;
  if (webmail || options_.header == HeaderStyle::kRfc3164) said -= said % kSecond;
  activity.time = EventTime::FromMillis(said / 1000);
  return activities_->Tell(EventTime::FromMillis(line.at / 1000), activity);
}

LogBuffer::Process LogBuffer::Take(Host* host, Program program) {
  std::vector<Process>& free = host->free[static_cast<size_t>(program)];
  Process process;
  if (!free.empty()) {
    process = free.back();
    free.pop_back();
  } else {
    host->next_pid += static_cast<uint32_t>(pids_.Between(1, 9));
    if (host->next_pid > 4'194'303) host->next_pid = 400;  // Linux wraps there on 64-bit machines
    process.pid = host->next_pid;
  }
  ++process.uses;
  return process;
}

void LogBuffer::GiveBack(Host* host, Program program, Process process) {
  if (process.uses >= kUsesMax || program == Program::kDovecot) return;  // Dovecot: one process a login
  host->free[static_cast<size_t>(program)].push_back(process);
}

uint32_t LogBuffer::PidOf(const LineInfo& line) {
  Host& host = hosts_[static_cast<size_t>(line.file)];
  if (line.program == Program::kQmgr) return host.qmgr_pid;
  if (line.place == Place::kAlone) {
    if (line.program == Program::kDovecot || line.program == Program::kRoundcube) return 0;
    // Keep a few processes going, as deliveries overlap: hand them out in turn.
    std::vector<Process>& free = host.free[static_cast<size_t>(line.program)];
    const bool grow = free.size() < 8 && pids_.Chance(0.1);
    Process process;
    if (free.empty() || grow) {
      std::vector<Process> kept;
      kept.swap(free);
      process = Take(&host, line.program);
      free.swap(kept);
    } else {
      const size_t pick = pids_.Below(free.size());
      std::swap(free[pick], free.back());
      process = Take(&host, line.program);
    }
    GiveBack(&host, line.program, process);
    return process.pid;
  }
  if (line.place == Place::kFirst) {
    const Process process = Take(&host, line.program);
    busy_[line.session] = process;
    return process.pid;
  }
  const auto found = busy_.find(line.session);
  if (found == busy_.end()) return 0;
  const Process process = found->second;
  if (line.place == Place::kLast) {
    GiveBack(&host, line.program, process);
    busy_.erase(found);
  }
  return process.pid;
}

void LogBuffer::AppendHeader(const LineInfo& line, uint32_t pid) {
  Text out(&line_);
  const Micros local =
      line.at + hosts_[static_cast<size_t>(line.file)].clock_offset + options_.zone_minutes * kMinute;
  const int64_t day = local >= 0 ? local / kDay : (local - kDay + 1) / kDay;
  const Micros of_day = local - day * kDay;
  const CivilDay date = CivilFromDays(day);
  const int hour = static_cast<int>(of_day / kHour);
  const int minute = static_cast<int>(of_day / kMinute % 60);
  const int second = static_cast<int>(of_day / kSecond % 60);
  const std::string_view month = kMonths[date.month - 1];
  const int zone = options_.zone_minutes < 0 ? -options_.zone_minutes : options_.zone_minutes;
  const auto clock = [&] {
    out.Padded(static_cast<uint64_t>(hour), 2) << ':';
    out.Padded(static_cast<uint64_t>(minute), 2) << ':';
    out.Padded(static_cast<uint64_t>(second), 2);
  };
  const auto offset = [&](std::string_view between) {
    out << (options_.zone_minutes < 0 ? '-' : '+');
    out.Padded(static_cast<uint64_t>(zone / 60), 2) << between;
    out.Padded(static_cast<uint64_t>(zone % 60), 2);
  };
  if (line.program == Program::kRoundcube) {
    out << '[';
    out.Padded(static_cast<uint64_t>(date.day), 2) << '-' << month << '-' << date.year << ' ';
    clock();
    out << ' ';
    offset("");
    out << "]: ";
    return;
  }
  if (options_.header == HeaderStyle::kIso8601) {
    out << date.year << '-';
    out.Padded(static_cast<uint64_t>(date.month), 2) << '-';
    out.Padded(static_cast<uint64_t>(date.day), 2) << 'T';
    clock();
    out << '.';
    out.Padded(static_cast<uint64_t>(of_day % kSecond), 6);
    offset(":");
  } else {
    out << month << (date.day < 10 ? "  " : " ") << date.day << ' ';
    clock();
  }
  out << ' ' << kHostNames[static_cast<size_t>(line.file)] << ' '
      << kPrograms[static_cast<size_t>(line.program)];
  if (line.program != Program::kDovecot) out << '[' << pid << ']';
  out << ": ";
}

absl::Status LogBuffer::Emit(const LineInfo& line) {
  ++lines_;
  bytes_ += line_.size() + 1;
  return sink_->Line(line.file, EventTime::FromMillis(line.at / 1000), line_);
}

absl::Status LogBuffer::Write(const LineInfo& line, std::string_view message) {
  if (activities_ != nullptr) return EmitActivity(line, message);
  const uint32_t pid = PidOf(line);
  line_.clear();
  AppendHeader(line, pid);
  const size_t mark = message.find(kPidMark);
  Text out(&line_);
  if (mark == std::string_view::npos) {
    out << message;
  } else {
    out << message.substr(0, mark) << pid << message.substr(mark + 1);
  }
  if (options_.lost_share > 0 && faults_.Chance(options_.lost_share)) return absl::OkStatus();
  if (absl::Status status = Emit(line); !status.ok()) return status;
  if (options_.duplicated_share > 0 && faults_.Chance(options_.duplicated_share)) return Emit(line);
  return absl::OkStatus();
}

absl::Status LogBuffer::Flush(Micros end) {
  return store_.Drain(
      end, [this](const LineInfo& line, std::string_view message) { return Write(line, message); });
}

}  // namespace sekisho::simulate
