#include "engine/wire/record_codec.h"

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/hash.h"
#include "engine/base/hmac.h"
#include "engine/base/ip.h"
#include "engine/base/utf8.h"
#include "engine/wire/address.h"
#include "engine/wire/bytes_of_hash.h"

namespace sekisho::wire {
namespace {

// Keeps the signature from being taken for one of anything else.
constexpr std::string_view kSignedName("sekisho.v1.OperatorOrder\0", 25);

absl::Status WrongRecord(std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(field), ": ", std::string(what)));
}

absl::Status TooLarge(std::string_view field, size_t size, std::string_view unit) {
  return absl::ResourceExhaustedError(absl::StrCat(std::string(field), ": ", size, " ", std::string(unit)));
}

absl::Status CheckTime(std::string_view field, int64_t time_ms) {
  return time_ms > 0 && time_ms <= kTimeMsMax ? absl::OkStatus() : WrongRecord(field, "not within the years 1970 to 9999");
}

// What protobuf refuses to carry as a string, with a line on standard error that no one asked for.
absl::Status CheckUtf8(std::string_view field, std::string_view text) {
  while (!text.empty()) {
    const size_t bytes = FirstUtf8Char(text).bytes;
    if (bytes == 0) return WrongRecord(field, "not UTF-8");
    text.remove_prefix(bytes);
  }
  return absl::OkStatus();
}

absl::Status CheckText(std::string_view field, std::string_view text) {
  return text.size() <= kOrderTextBytesMax ? CheckUtf8(field, text) : TooLarge(field, text.size(), "bytes");
}

absl::Status CheckName(std::string_view field, std::string_view name) {
  if (name.empty()) return WrongRecord(field, "empty");
  return name.size() <= kAccountBytesMax ? absl::OkStatus() : TooLarge(field, name.size(), "bytes");
}

absl::Status TakePolicy(const v1::PolicyActivation& in, PolicyActivation* out) {
  if (in.yaml().size() > kPolicyBytesMax) return TooLarge("order.policy.yaml", in.yaml().size(), "bytes");
  if (absl::Status s = CheckUtf8("order.policy.yaml", in.yaml()); !s.ok()) return s;
  if (in.version().empty()) return WrongRecord("order.policy.version", "empty");
  if (absl::Status s = CheckText("order.policy.version", in.version()); !s.ok()) return s;
  if (in.text_hash() != BytesOf(PinnedHash128(in.yaml()))) return WrongRecord("order.policy.text_hash", "not that of the text");
  out->version = in.version();
  out->yaml = in.yaml();
  return absl::OkStatus();
}

absl::Status TakeRelease(const v1::AccountRelease& in, AccountRelease* out) {
  if (absl::Status s = CheckName("order.release.account", in.account()); !s.ok()) return s;
  if (absl::Status s = CheckText("order.release.reason", in.reason()); !s.ok()) return s;
  if (in.grace_ms() < 0 || in.grace_ms() > kGraceMax.millis()) return WrongRecord("order.release.grace_ms", "not within 0 to 366 days");
  out->account = in.account();
  out->reason = in.reason();
  out->grace = Span::Millis(in.grace_ms());
  out->relapse_guard = in.relapse_guard();
  return absl::OkStatus();
}

absl::Status TakeSubject(const v1::Subject& in, Subject* out) {
  switch (in.subject_case()) {
    case v1::Subject::kAccount:
      out->kind = Subject::Kind::kAccount;
      out->name = in.account();
      return CheckName("order.subject.account", in.account());
    case v1::Subject::kDomain:
      out->kind = Subject::Kind::kDomain;
      out->name = in.domain();
      return CheckName("order.subject.domain", in.domain());
    case v1::Subject::kNetwork: {
      out->kind = Subject::Kind::kNetwork;
      const std::optional<IpNetwork> network = IpNetwork::Parse(in.network());
      if (!network) return WrongRecord("order.subject.network", "no network in CIDR notation");
      out->network = network->first();
      out->prefix_bits = static_cast<uint8_t>(network->prefix_bits());
      return absl::OkStatus();
    }
    case v1::Subject::kAsn:
      out->kind = Subject::Kind::kAsn;
      out->asn = in.asn();
      return in.asn() != 0 ? absl::OkStatus() : WrongRecord("order.subject.asn", "0 is nobody's");
    case v1::Subject::SUBJECT_NOT_SET:
      break;
  }
  return absl::UnimplementedError("order.subject: absent, or of a kind that this version does not know");
}

// Allow and Deny have the same fields.
template <typename Message>
absl::Status TakeException(const Message& in, bool allow, Exception* out) {
  if (absl::Status s = TakeSubject(in.subject(), &out->subject); !s.ok()) return s;
  if (absl::Status s = CheckText("order.owner", in.owner()); !s.ok()) return s;
  if (absl::Status s = CheckText("order.reason", in.reason()); !s.ok()) return s;
  if (in.has_expires_ms()) {
    if (absl::Status s = CheckTime("order.expires_ms", in.expires_ms()); !s.ok()) return s;
    out->expires = EventTime::FromMillis(in.expires_ms());
  }
  out->allow = allow;
  out->owner = in.owner();
  out->reason = in.reason();
  out->withdraw = in.withdraw();
  return absl::OkStatus();
}

absl::Status TakeOrder(const v1::OperatorOrder& in, Order* out) {
  if (absl::Status s = CheckTime("order.time_ms", in.time_ms()); !s.ok()) return s;
  if (in.operator_().empty()) return WrongRecord("order.operator", "empty");
  if (absl::Status s = CheckText("order.operator", in.operator_()); !s.ok()) return s;
  out->time = EventTime::FromMillis(in.time_ms());
  out->operator_name = in.operator_();
  out->nonce = in.nonce();
  switch (in.order_case()) {
    case v1::OperatorOrder::kPolicy: return TakePolicy(in.policy(), &out->what.emplace<PolicyActivation>());
    case v1::OperatorOrder::kRelease: return TakeRelease(in.release(), &out->what.emplace<AccountRelease>());
    case v1::OperatorOrder::kAllow: return TakeException(in.allow(), true, &out->what.emplace<Exception>());
    case v1::OperatorOrder::kDeny: return TakeException(in.deny(), false, &out->what.emplace<Exception>());
    case v1::OperatorOrder::ORDER_NOT_SET: break;
  }
  return absl::UnimplementedError("order: absent, or of a kind that this version does not know");
}

absl::Status TakeSigned(const v1::SignedOrder& in, const OperatorKeys& keys, Order* out) {
  const std::string* key = keys.Find(in.key_id());
  // The id isn't repeated: nobody has vouched for it.
  if (key == nullptr) return absl::PermissionDeniedError("signed_order.key_id: no such key is configured");
  if (!EqualInConstantTime(HmacSha256(*key, {kSignedName, in.order()}), in.hmac())) {
    return absl::PermissionDeniedError("signed_order.hmac: not that of the order under its key");
  }
  v1::OperatorOrder order;
  if (!order.ParseFromString(in.order())) return WrongRecord("signed_order.order", "not a sekisho.v1.OperatorOrder");
  return TakeOrder(order, out);
}

absl::Status TakeJudgements(const v1::JudgementBatch& in, JudgementBatch* out) {
  if (in.judgements_size() > kJudgementsMax) {
    return TooLarge("judgements", static_cast<size_t>(in.judgements_size()), "judgements");
  }
  if (in.partition() > INT32_MAX) return WrongRecord("judgements.partition", "no partition");
  if (in.offset() < 0) return WrongRecord("judgements.offset", "negative");
  if (absl::Status s = CheckTime("judgements.time_ms", in.time_ms()); !s.ok()) return s;
  out->partition = PartitionId{static_cast<int32_t>(in.partition())};
  out->offset = Offset{in.offset()};
  out->time = EventTime::FromMillis(in.time_ms());
  for (const v1::Judgement& j : in.judgements()) {
    Judgement judgement;
    switch (j.entity_case()) {
      case v1::Judgement::kNetwork: {
        const std::optional<IpAddress> address = AddressFromBytes(j.network());
        const std::optional<IpNetwork> network =
            address && !j.network().empty() && j.prefix_bits() <= 128 ? IpNetwork::Of(*address, static_cast<int>(j.prefix_bits()))
                                                                     : std::nullopt;
        if (!network) return WrongRecord("judgement.network", "no network");
        judgement.network = network->first();
        judgement.prefix_bits = static_cast<uint8_t>(network->prefix_bits());
        break;
      }
      case v1::Judgement::kDomainId:
      case v1::Judgement::kCampaign: {
        const bool domain = j.entity_case() == v1::Judgement::kDomainId;
        const std::string& key = domain ? j.domain_id() : j.campaign();
        if (key.size() != kHashBytes) return WrongRecord("judgement.entity", "not 16 bytes");
        judgement.entity = domain ? EntityKind::kDomain : EntityKind::kCampaign;
        judgement.key = HashFromBytes(key);
        break;
      }
      // Of what later versions judge; what is said of the others holds all the same.
      default: continue;
    }
    if (j.score_milli() < 0 || j.score_milli() > 1000) return WrongRecord("judgement.score_milli", "not within 0 to 1000");
    if (absl::Status s = CheckTime("judgement.expires_ms", j.expires_ms()); !s.ok()) return s;
    judgement.score_milli = j.score_milli();
    judgement.bad_accounts = j.bad_accounts();
    judgement.good_accounts = j.good_accounts();
    judgement.expires = EventTime::FromMillis(j.expires_ms());
    out->judgements.push_back(judgement);
  }
  return absl::OkStatus();
}

absl::Status TakeControl(const v1::Control& in, const OperatorKeys& keys, DecodedRecord* record) {
  switch (in.control_case()) {
    case v1::Control::kSignedOrder: return TakeSigned(in.signed_order(), keys, &record->value.emplace<Order>());
    case v1::Control::kHeartbeat:
      if (absl::Status s = CheckTime("heartbeat.time_ms", in.heartbeat().time_ms()); !s.ok()) return s;
      record->value = TimePasses{EventTime::FromMillis(in.heartbeat().time_ms())};
      return absl::OkStatus();
    case v1::Control::kJudgements: return TakeJudgements(in.judgements(), &record->value.emplace<JudgementBatch>());
    case v1::Control::CONTROL_NOT_SET: break;
  }
  return absl::UnimplementedError("control: absent, or of a kind that this version does not know");
}

void PutSubject(const Subject& subject, v1::Subject* out) {
  switch (subject.kind) {
    case Subject::Kind::kAccount: out->set_account(subject.name); return;
    case Subject::Kind::kDomain: out->set_domain(subject.name); return;
    case Subject::Kind::kAsn: out->set_asn(subject.asn); return;
    case Subject::Kind::kNetwork: {
      const std::optional<IpNetwork> network = IpNetwork::Of(subject.network, subject.prefix_bits);
      out->set_network(network ? network->ToString() : "");
      return;
    }
  }
}

template <typename Message>
void PutException(const Exception& exception, Message* out) {
  PutSubject(exception.subject, out->mutable_subject());
  out->set_owner(exception.owner);
  out->set_reason(exception.reason);
  if (!exception.expires.never()) out->set_expires_ms(exception.expires.millis());
  out->set_withdraw(exception.withdraw);
}

void PutOrder(const Order& order, v1::OperatorOrder* out) {
  out->set_time_ms(order.time.millis());
  out->set_operator_(order.operator_name);
  out->set_nonce(order.nonce);
  if (const auto* policy = std::get_if<PolicyActivation>(&order.what)) {
    out->mutable_policy()->set_version(policy->version);
    out->mutable_policy()->set_yaml(policy->yaml);
    out->mutable_policy()->set_text_hash(BytesOf(PinnedHash128(policy->yaml)));
  } else if (const auto* release = std::get_if<AccountRelease>(&order.what)) {
    out->mutable_release()->set_account(release->account);
    out->mutable_release()->set_reason(release->reason);
    out->mutable_release()->set_grace_ms(release->grace.millis());
    out->mutable_release()->set_relapse_guard(release->relapse_guard);
  } else {
    const Exception& exception = std::get<Exception>(order.what);
    if (exception.allow) {
      PutException(exception, out->mutable_allow());
    } else {
      PutException(exception, out->mutable_deny());
    }
  }
}

}  // namespace

absl::Status OperatorKeys::Add(std::string id, std::string key) {
  if (id.empty()) return absl::InvalidArgumentError("an operator's key needs an id");
  if (key.size() < kOperatorKeyBytesMin) {
    return absl::InvalidArgumentError(absl::StrCat("operator key ", id, ": ", key.size(), " bytes, at least ", kOperatorKeyBytesMin,
                                                   " are needed"));
  }
  if (keys_.contains(id)) return absl::InvalidArgumentError(absl::StrCat("operator key ", id, ": given twice"));
  keys_.emplace(std::move(id), std::move(key));
  return absl::OkStatus();
}

const std::string* OperatorKeys::Find(std::string_view id) const {
  const auto found = keys_.find(id);
  return found == keys_.end() ? nullptr : &found->second;
}

absl::Status DecodeRecord(std::string_view bytes, const OperatorKeys& keys, RecordBuffer* buffer, DecodedRecord* record) {
  if (bytes.size() > kEventBytesMax) return TooLarge("record", bytes.size(), "bytes");
  v1::Record& in = buffer->message;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return WrongRecord("record", "not a sekisho.v1.Record");
  record->origin = Origin();
  switch (in.record_case()) {
    case v1::Record::kEvent: {
      const v1::Origin& origin = in.event().origin();
      if (origin.connector().size() > kConnectorBytesMax) return TooLarge("event.origin.connector", origin.connector().size(), "bytes");
      record->origin = {origin.connector(), origin.epoch(), origin.stream(), {origin.byte_position(), origin.index()}};
      return TakeEvent(in.event(), &buffer->event, &record->value.emplace<Event>());
    }
    case v1::Record::kControl: return TakeControl(in.control(), keys, record);
    case v1::Record::RECORD_NOT_SET: break;
  }
  return absl::UnimplementedError("record: absent, or of a kind that this version does not know");
}

std::string_view RefusalReason(const absl::Status& status) {
  if (absl::IsPermissionDenied(status)) return "signature";
  if (absl::IsResourceExhausted(status)) return "too large";
  if (absl::IsUnimplemented(status)) return "newer schema";
  return "undecodable";
}

std::string EncodeTimePasses(EventTime time) {
  v1::Record record;
  record.mutable_control()->mutable_heartbeat()->set_time_ms(time.millis());
  return record.SerializeAsString();
}

std::string EncodeJudgements(const JudgementBatch& batch) {
  v1::Record record;
  v1::JudgementBatch* out = record.mutable_control()->mutable_judgements();
  out->set_partition(static_cast<uint32_t>(batch.partition.value));
  out->set_offset(batch.offset.value);
  out->set_time_ms(batch.time.millis());
  for (const Judgement& j : batch.judgements) {
    v1::Judgement* judgement = out->add_judgements();
    switch (j.entity) {
      case EntityKind::kNetwork:
        judgement->set_network(BytesOf(j.network));
        judgement->set_prefix_bits(j.prefix_bits);
        break;
      case EntityKind::kDomain: judgement->set_domain_id(BytesOf(j.key)); break;
      case EntityKind::kCampaign: judgement->set_campaign(BytesOf(j.key)); break;
    }
    judgement->set_score_milli(j.score_milli);
    judgement->set_bad_accounts(j.bad_accounts);
    judgement->set_good_accounts(j.good_accounts);
    judgement->set_expires_ms(j.expires.millis());
  }
  return record.SerializeAsString();
}

absl::StatusOr<std::string> SignOrder(const Order& order, const OperatorKeys& keys, std::string_view key_id) {
  const std::string* key = keys.Find(key_id);
  if (key == nullptr) return absl::InvalidArgumentError(absl::StrCat("no operator key ", std::string(key_id)));
  v1::OperatorOrder message;
  PutOrder(order, &message);
  Order taken;
  if (absl::Status s = TakeOrder(message, &taken); !s.ok()) return absl::InvalidArgumentError(s.message());
  v1::Record record;
  v1::SignedOrder* out = record.mutable_control()->mutable_signed_order();
  out->set_order(message.SerializeAsString());
  out->set_key_id(std::string(key_id));
  out->set_hmac(HmacSha256(*key, {kSignedName, out->order()}));
  return record.SerializeAsString();
}

}  // namespace sekisho::wire
