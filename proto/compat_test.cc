// Goal: the schema never changes in a way that breaks a reader or writer of the stored one, and the check that says so
// does catch each such change. Method: compare the schema built from the sources with the stored descriptor; then edit
// the descriptor in every forbidden and several allowed ways.
#include "proto/compat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "sekisho/v1/action.pb.h"
#include "sekisho/v1/record.pb.h"
#include "sekisho/v1/sighting.pb.h"
#include "sekisho/v1/snapshot.pb.h"

namespace sekisho {
namespace {

namespace pb = google::protobuf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

pb::FileDescriptorSet Current() {
  pb::FileDescriptorSet set;
  for (const pb::FileDescriptor* file :
       {v1::Action::descriptor()->file(), v1::Control::descriptor()->file(), v1::Event::descriptor()->file(),
        v1::Record::descriptor()->file(), v1::Sighting::descriptor()->file(), v1::AccountSnapshot::descriptor()->file()}) {
    file->CopyTo(set.add_file());
  }
  return set;
}

TEST(ProtoCompat, SchemaIsCompatibleWithTheStoredOne) {
  pb::FileDescriptorSet stored;
  std::ifstream in("proto/sekisho_v1.descriptor.pb", std::ios::binary);
  ASSERT_TRUE(in && stored.ParseFromIstream(&in));
  EXPECT_THAT(IncompatibleChanges(stored, Current()), IsEmpty()) << "only additions are allowed, see proto/README.md";
  EXPECT_THAT(IncompatibleChanges(Current(), stored), IsEmpty())
      << "the schema has grown: store it with the target proto_update";
}

// The sets to edit: message 0 has fields a = 1 (string), b = 2 (int64), c = 3 in oneof o; numbers 10 to 19 and the name
// "gone" are reserved. Enum E has E_UNSPECIFIED = 0 and E_ONE = 1.
pb::FileDescriptorSet Sample() {
  pb::FileDescriptorSet set;
  auto* file = set.add_file();
  file->set_package("p");
  auto* message = file->add_message_type();
  message->set_name("M");
  message->add_oneof_decl()->set_name("o");
  for (int number = 1; number <= 3; ++number) {
    auto* field = message->add_field();
    field->set_name(std::string(1, static_cast<char>('a' + number - 1)));
    field->set_number(number);
    field->set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
    field->set_type(number == 1 ? pb::FieldDescriptorProto::TYPE_STRING : pb::FieldDescriptorProto::TYPE_INT64);
    if (number == 3) field->set_oneof_index(0);
  }
  auto* range = message->add_reserved_range();
  range->set_start(10);
  range->set_end(20);
  message->add_reserved_name("gone");
  auto* e = file->add_enum_type();
  e->set_name("E");
  e->add_value()->set_name("E_UNSPECIFIED");
  e->mutable_value(0)->set_number(0);
  e->add_value()->set_name("E_ONE");
  e->mutable_value(1)->set_number(1);
  return set;
}

pb::FieldDescriptorProto* AddField(pb::DescriptorProto* m, const std::string& name, int number) {
  auto* field = m->add_field();
  field->set_name(name);
  field->set_number(number);
  field->set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
  field->set_type(pb::FieldDescriptorProto::TYPE_BOOL);
  return field;
}

TEST(ProtoCompat, EveryBreakingEditIsNamed) {
  struct Case {
    std::string says;
    std::function<void(pb::FileDescriptorProto*)> edit;
  };
  auto message = [](pb::FileDescriptorProto* f) { return f->mutable_message_type(0); };
  const Case cases[] = {
      {"p.M.b: removed", [&](auto* f) { message(f)->mutable_field()->DeleteSubrange(1, 1); }},
      {"p.M.b: renumbered from 2 to 7", [&](auto* f) { message(f)->mutable_field(1)->set_number(7); }},
      {"p.M.b: number 2 now belongs to z", [&](auto* f) { message(f)->mutable_field(1)->set_name("z"); }},
      {"p.M.a: type changed from TYPE_STRING to TYPE_BYTES",
       [&](auto* f) { message(f)->mutable_field(0)->set_type(pb::FieldDescriptorProto::TYPE_BYTES); }},
      {"p.M.b: changed between single, optional and repeated",
       [&](auto* f) { message(f)->mutable_field(1)->set_label(pb::FieldDescriptorProto::LABEL_REPEATED); }},
      {"p.M.c: moved in or out of a oneof", [&](auto* f) { message(f)->mutable_field(2)->clear_oneof_index(); }},
      {"p.M: numbers 10 to 19 are no longer reserved", [&](auto* f) { message(f)->clear_reserved_range(); }},
      {"p.M.n: uses the reserved number 12", [&](auto* f) { AddField(message(f), "n", 12); }},
      {"p.M: the name gone is no longer reserved", [&](auto* f) { message(f)->clear_reserved_name(); }},
      {"p.M.gone: uses a reserved name", [&](auto* f) { AddField(message(f), "gone", 5); }},
      {"p.M: message removed", [&](auto* f) { f->clear_message_type(); }},
      {"p.E.E_ONE: renumbered from 1 to 2", [&](auto* f) { f->mutable_enum_type(0)->mutable_value(1)->set_number(2); }},
      {"p.E.E_ONE: removed", [&](auto* f) { f->mutable_enum_type(0)->mutable_value()->RemoveLast(); }},
      {"p.E: enum removed", [&](auto* f) { f->clear_enum_type(); }},
  };
  for (const Case& c : cases) {
    pb::FileDescriptorSet edited = Sample();
    c.edit(edited.mutable_file(0));
    EXPECT_THAT(IncompatibleChanges(Sample(), edited), ElementsAre(HasSubstr(c.says)));
  }
}

TEST(ProtoCompat, AdditionsAreAllowed) {
  pb::FileDescriptorSet grown = Sample();
  auto* file = grown.mutable_file(0);
  AddField(file->mutable_message_type(0), "d", 4);
  AddField(file->mutable_message_type(0), "e", 5)->set_oneof_index(0);
  file->add_message_type()->set_name("N");
  file->mutable_enum_type(0)->add_value()->set_name("E_TWO");
  file->mutable_enum_type(0)->mutable_value(2)->set_number(2);
  file->mutable_message_type(0)->mutable_reserved_range(0)->set_end(30);
  EXPECT_THAT(IncompatibleChanges(Sample(), grown), IsEmpty());
}

}  // namespace
}  // namespace sekisho
