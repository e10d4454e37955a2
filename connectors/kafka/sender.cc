#include "connectors/kafka/sender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/fail_point.h"

namespace sekisho::connectors {
namespace {

constexpr size_t kEntriesPerStep = 4096;

}  // namespace

Sender::Sender(Spool* spool, uint64_t place, Producer* producer, EventEncoder* encoder, const Options& options, NoticeSink notice)
    : spool_(spool), producer_(producer), encoder_(encoder), options_(options), notice_(std::move(notice)),
      reader_(spool, place), ahead_(spool, place), acknowledged_(place), backoff_(options.backoff_min) {}

absl::StatusOr<bool> Sender::Step(EventTime now, const Reading& reading, Span wait) {
  reports_.clear();
  producer_->Poll(wait, &reports_);
  TakeReports(now);
  if (failed_ || producer_->broken()) GoBack(now);
  if (!retry_at_.never() && now < retry_at_) return !reports_.empty();
  retry_at_ = EventTime::Never();
  const absl::StatusOr<bool> sent = Send(now, reading);
  if (!sent.ok()) return sent.status();
  Heartbeats(now, reading.newest);
  return *sent || !reports_.empty();
}

void Sender::TakeReports(EventTime now) {
  for (const Producer::Report& report : reports_) {
    if (report.tag < first_tag_ || report.tag - first_tag_ >= in_flight_.size()) continue;  // before the last GoBack
    if (report.fate != Producer::Fate::kAcknowledged) {
      failed_ = true;
      refused_ = refused_ || report.fate == Producer::Fate::kRefused;
      continue;
    }
    in_flight_[report.tag - first_tag_].acknowledged = true;
    ++counters_.acknowledged;
    if (report.partition < 0) continue;
    const size_t partition = static_cast<size_t>(report.partition);
    if (partition >= partitions_.size()) partitions_.resize(partition + 1, {now, EventTime::Never()});
    partitions_[partition].active = now;
  }
  while (!in_flight_.empty() && in_flight_.front().acknowledged) {
    acknowledged_ = in_flight_.front().end;
    in_flight_.pop_front();
    ++first_tag_;
    if (!failed_) backoff_ = options_.backoff_min;
    FailPoint("acknowledged");
  }
}

void Sender::GoBack(EventTime now) {
  ++counters_.failures;
  // What the brokers refused is somewhere among what is in flight: alone, it will show.
  if (refused_) {
    const bool was_alone = in_flight_.size() == 1 && acknowledged_ < alone_until_;
    if (was_alone) {
      Lose("refused by the brokers", in_flight_.front().end - acknowledged_);
      acknowledged_ = in_flight_.front().end;
    } else if (!in_flight_.empty()) {
      alone_until_ = std::max(alone_until_, in_flight_.back().end);
    }
  }
  first_tag_ += in_flight_.size();
  in_flight_.clear();
  reader_.Seek(acknowledged_);
  told_ = witnesses_since_ = EventTime::Never();  // heartbeats may be among what failed
  failed_ = refused_ = false;
  if (absl::Status reset = producer_->Reset(); !reset.ok()) {
    notice_({NoticeLevel::kError, "producer", {{"reason", std::string(reset.message())}}});
  }
  retry_at_ = now + (acknowledged_ < alone_until_ ? Span() : backoff_);
  backoff_ = std::min(backoff_ * 2, options_.backoff_max);
}

void Sender::PassOver(uint64_t place) {
  if (in_flight_.empty()) acknowledged_ = place;
  else in_flight_.back().end = place;
}

void Sender::Lose(std::string_view reason, size_t bytes) {
  ++counters_.lost;
  notice_({NoticeLevel::kError, "event_lost", {{"reason", std::string(reason)}, {"bytes", absl::StrCat(bytes)}}});
}

absl::StatusOr<std::optional<bool>> Sender::Agreed(EventTime at, EventTime now, const Reading& reading) {
  size_t agree = 1, differ = 0;
  ahead_.Seek(reader_.place());
  while (agree + differ <= options_.witnesses) {
    std::string_view payload;
    const absl::StatusOr<bool> found = ahead_.Next(&payload);
    if (!found.ok()) return found.status();
    if (!*found) {
      // Two clocks that agree, where a log is no longer gone over but written.
      if (!reading.more && reading.wall - at < options_.jump) return std::optional<bool>(true);
      if (!reading.more) break;
      if (witnesses_since_.never()) witnesses_since_ = now;
      if (now - witnesses_since_ >= options_.witness_wait) break;
      return std::optional<bool>();
    }
    JournalEntry entry;
    if (!DecodeEntry(payload, &entry)) return absl::DataLossError("the spool holds an entry of another version");
    if (entry.kind != JournalEntry::Kind::kEvent) continue;
    const EventTime witness = encoder_->TimeOf(entry.value);
    if (!witness.never()) ++(witness + options_.jump > at ? agree : differ);
  }
  witnesses_since_ = EventTime::Never();
  return std::optional<bool>(agree > differ);
}

absl::StatusOr<Sender::Telling> Sender::TellJump(EventTime at, std::string_view key, EventTime now, const Reading& reading) {
  if (at.never() || reading.wall.never() || at - reading.wall >= options_.jump) return Telling::kDone;
  const EventTime tell = std::min(at, reading.wall);
  if (!told_.never() && tell - told_ < options_.jump) return Telling::kDone;
  // What goes out before all partitions have been told anything may still be on its way to the one it belongs to.
  if (told_.never() && !in_flight_.empty()) return Telling::kWait;
  const absl::StatusOr<std::optional<bool>> agreed = Agreed(at, now, reading);
  if (!agreed.ok()) return agreed.status();
  if (!agreed->has_value()) return Telling::kWait;
  if (!**agreed) return Telling::kDone;
  encoder_->EncodeHeartbeat(tell, &heartbeat_);
  const int32_t partitions = producer_->partitions();
  if (partitions <= 0) {
    // The producer learns how many there are with the first record that goes out; that one's own partition it finds by itself.
    if (!producer_->Tell(key, heartbeat_)) return Telling::kWait;
    ++counters_.heartbeats;
    return Telling::kDone;
  }
  for (int32_t p = 0; p < partitions; ++p) {
    if (!producer_->Tell(p, heartbeat_)) return Telling::kWait;
    ++counters_.heartbeats;
  }
  told_ = tell;
  return Telling::kDone;
}

absl::StatusOr<bool> Sender::Send(EventTime now, const Reading& reading) {
  bool sent = false;
  for (size_t i = 0; i < kEntriesPerStep; ++i) {
    const size_t room = acknowledged_ < alone_until_ ? 1 : options_.in_flight_max;
    if (in_flight_.size() >= room) break;
    const uint64_t before = reader_.place();
    std::string_view payload;
    const absl::StatusOr<bool> more = reader_.Next(&payload);
    if (!more.ok()) return more.status();
    if (!*more) break;
    JournalEntry entry;
    if (!DecodeEntry(payload, &entry)) return absl::DataLossError("the spool holds an entry of another version");
    if (entry.kind != JournalEntry::Kind::kEvent) {
      PassOver(reader_.place());
      continue;
    }
    const absl::StatusOr<Telling> telling = TellJump(encoder_->TimeOf(entry.value), entry.key, now, reading);
    if (!telling.ok()) return telling.status();
    if (*telling == Telling::kWait) {
      reader_.Seek(before);
      return sent;
    }
    switch (producer_->Produce(entry.key, entry.value, first_tag_ + in_flight_.size())) {
      case Producer::Answer::kTaken:
        in_flight_.push_back({reader_.place(), false});
        ++counters_.produced;
        sent = true;
        FailPoint("produced");
        break;
      case Producer::Answer::kTooLarge:
        Lose("too large", entry.value.size());
        PassOver(reader_.place());
        break;
      case Producer::Answer::kFull:
      case Producer::Answer::kBroken:
        reader_.Seek(before);
        return sent;
    }
  }
  return sent;
}

void Sender::Heartbeats(EventTime now, EventTime newest) {
  // Nobody's event may come behind a heartbeat that is newer.
  if (newest.never() || !idle()) return;
  const size_t count = static_cast<size_t>(std::max(producer_->partitions(), 0));
  if (partitions_.size() < count) partitions_.resize(count, {now, EventTime::Never()});
  for (size_t p = 0; p < partitions_.size(); ++p) {
    Partition& partition = partitions_[p];
    if (newest <= partition.told || now - partition.active < options_.heartbeat) continue;
    partition.told = newest;
    partition.active = now;
    encoder_->EncodeHeartbeat(newest, &heartbeat_);
    if (!producer_->Tell(static_cast<int32_t>(p), heartbeat_)) continue;
    ++counters_.heartbeats;
  }
}

}  // namespace sekisho::connectors
