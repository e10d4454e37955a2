#include "proto/compat.h"

#include <map>

#include "absl/strings/str_cat.h"

namespace sekisho {
namespace {

namespace pb = google::protobuf;

// Everything named in a set, by its full name.
struct Index {
  std::vector<std::pair<std::string, const pb::DescriptorProto*>> messages;  // in the order of the files
  std::vector<std::pair<std::string, const pb::EnumDescriptorProto*>> enums;
  std::map<std::string, const pb::DescriptorProto*> message;
  std::map<std::string, const pb::EnumDescriptorProto*> enumeration;
};

void Add(const std::string& scope, const pb::EnumDescriptorProto& e, Index* index) {
  index->enums.emplace_back(absl::StrCat(scope, ".", e.name()), &e);
  index->enumeration[index->enums.back().first] = &e;
}

void Add(const std::string& scope, const pb::DescriptorProto& message, Index* index) {
  const std::string name = absl::StrCat(scope, ".", message.name());
  index->messages.emplace_back(name, &message);
  index->message[name] = &message;
  for (const auto& nested : message.nested_type()) Add(name, nested, index);
  for (const auto& e : message.enum_type()) Add(name, e, index);
}

Index MakeIndex(const pb::FileDescriptorSet& set) {
  Index index;
  for (const auto& file : set.file()) {
    for (const auto& message : file.message_type()) Add(file.package(), message, &index);
    for (const auto& e : file.enum_type()) Add(file.package(), e, &index);
  }
  return index;
}

template <typename Repeated>
auto FindNumber(const Repeated& all, int number) -> decltype(&all.Get(0)) {
  for (const auto& one : all) {
    if (one.number() == number) return &one;
  }
  return nullptr;
}

template <typename Repeated>
auto FindName(const Repeated& all, const std::string& name) -> decltype(&all.Get(0)) {
  for (const auto& one : all) {
    if (one.name() == name) return &one;
  }
  return nullptr;
}

std::string OneofOf(const pb::DescriptorProto& message, const pb::FieldDescriptorProto& field) {
  if (!field.has_oneof_index() || field.proto3_optional()) return "";
  return message.oneof_decl(field.oneof_index()).name();
}

std::string TypeOf(const pb::FieldDescriptorProto& field) {
  return field.type_name().empty() ? pb::FieldDescriptorProto::Type_Name(field.type()) : field.type_name();
}

void CompareField(const std::string& scope, const pb::DescriptorProto& before, const pb::FieldDescriptorProto& was,
                  const pb::DescriptorProto& after, std::vector<std::string>* out) {
  const std::string name = absl::StrCat(scope, ".", was.name());
  const auto* is = FindNumber(after.field(), was.number());
  if (is == nullptr || is->name() != was.name()) {
    const auto* moved = FindName(after.field(), was.name());
    if (moved != nullptr) {
      out->push_back(absl::StrCat(name, ": renumbered from ", was.number(), " to ", moved->number()));
    } else if (is != nullptr) {
      out->push_back(absl::StrCat(name, ": number ", was.number(), " now belongs to ", is->name()));
    } else {
      out->push_back(absl::StrCat(name, ": removed (number ", was.number(), "); mark it deprecated instead"));
    }
    return;
  }
  if (TypeOf(was) != TypeOf(*is)) {
    out->push_back(absl::StrCat(name, ": type changed from ", TypeOf(was), " to ", TypeOf(*is)));
  }
  if (was.label() != is->label() || was.proto3_optional() != is->proto3_optional()) {
    out->push_back(absl::StrCat(name, ": changed between single, optional and repeated"));
  }
  if (OneofOf(before, was) != OneofOf(after, *is)) out->push_back(absl::StrCat(name, ": moved in or out of a oneof"));
}

// `end_shift`: a message's ranges exclude their end, an enum's include it.
template <typename Descriptor, typename Members>
void CompareReserved(const std::string& name, const Descriptor& before, const Descriptor& after, const Members& members,
                     int end_shift, std::vector<std::string>* out) {
  for (const auto& range : before.reserved_range()) {
    bool kept = false;
    for (const auto& now : after.reserved_range()) kept |= now.start() <= range.start() && now.end() >= range.end();
    const int last = range.end() - 1 + end_shift;
    if (!kept) out->push_back(absl::StrCat(name, ": numbers ", range.start(), " to ", last, " are no longer reserved"));
    for (const auto& member : members) {
      if (member.number() >= range.start() && member.number() <= last) {
        out->push_back(absl::StrCat(name, ".", member.name(), ": uses the reserved number ", member.number()));
      }
    }
  }
  for (const std::string& reserved : before.reserved_name()) {
    bool kept = false;
    for (const std::string& now : after.reserved_name()) kept |= now == reserved;
    if (!kept) out->push_back(absl::StrCat(name, ": the name ", reserved, " is no longer reserved"));
    if (FindName(members, reserved) != nullptr) out->push_back(absl::StrCat(name, ".", reserved, ": uses a reserved name"));
  }
}

}  // namespace

std::vector<std::string> IncompatibleChanges(const pb::FileDescriptorSet& before, const pb::FileDescriptorSet& after) {
  const Index old_index = MakeIndex(before), new_index = MakeIndex(after);
  std::vector<std::string> out;
  for (const auto& [name, was] : old_index.messages) {
    const auto is = new_index.message.find(name);
    if (is == new_index.message.end()) {
      out.push_back(absl::StrCat(name, ": message removed"));
      continue;
    }
    for (const auto& field : was->field()) CompareField(name, *was, field, *is->second, &out);
    CompareReserved(name, *was, *is->second, is->second->field(), 0, &out);
  }
  for (const auto& [name, was] : old_index.enums) {
    const auto is = new_index.enumeration.find(name);
    if (is == new_index.enumeration.end()) {
      out.push_back(absl::StrCat(name, ": enum removed"));
      continue;
    }
    for (const auto& value : was->value()) {
      const auto* now = FindName(is->second->value(), value.name());
      if (now == nullptr) {
        out.push_back(absl::StrCat(name, ".", value.name(), ": removed (number ", value.number(), ")"));
      } else if (now->number() != value.number()) {
        out.push_back(absl::StrCat(name, ".", value.name(), ": renumbered from ", value.number(), " to ", now->number()));
      }
    }
    CompareReserved(name, *was, *is->second, is->second->value(), 1, &out);
  }
  return out;
}

}  // namespace sekisho
