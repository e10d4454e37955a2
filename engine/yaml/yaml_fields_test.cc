// Goal: a policy file is read strictly, and every mistake is named by file, line, column and key.
// Method: a small struct with one field of each type; wrong texts and the exact message that each must give.
#include "engine/yaml/yaml_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>

namespace sekisho {
namespace {

enum class Colour { kRed, kBlue };

struct Sample {
  int32_t count = 3;
  bool on = false;
  Span window = Span::Hours(1);
  std::string name = "a\"b";
  Colour colour = Colour::kBlue;
  uint16_t inner = 7;
  uint64_t bytes = 4096;
  std::string word = "even";
  YamlFields::WordMap settings = {{"a.b", "c: \"d\""}};
  std::vector<std::string> people;
  struct Guest {
    std::string name;
    int32_t seats = 1;
  };
  std::vector<Guest> guests;
};

YamlFields FieldsOf(Sample* s) {
  YamlFields fields;
  fields.Integer("count", &s->count, 1, 100, "How many");
  fields.Bool("on", &s->on, "Whether");
  fields.Duration("window", &s->window, Span::Seconds(1), Span::Days(30), "How long");
  fields.Text("name", &s->name, 8, "What it is called");
  fields.Enum("colour", &s->colour, {{"red", 0}, {"blue", 1}}, "Which");
  fields.Section("group", "Belong together");
  fields.Integer("group.inner", &s->inner, 0, 65535, "Deeper");
  fields.Word("word", "of four letters",
              [s](const std::string& text) -> std::string {
                s->word = text;
                return text.size() == 4 ? "" : "expected four letters";
              },
              [s] { return s->word; }, "By a rule");
  fields.Size("bytes", &s->bytes, 1024, uint64_t{1} << 40, "How large");
  fields.Map("settings", 2, "a setting and its value",
             [s](const YamlFields::WordMap& map) -> std::string {
               s->settings = map;
               return map.empty() || map[0].first != "bad" ? "" : "bad isn't a setting";
             },
             [s] { return s->settings; }, "Passed on");
  fields.Items("people", 3, "names", [s] { s->people.clear(); },
               [s](const std::string& name) -> std::string {
                 s->people.push_back(name);
                 return name.front() == '*' ? "expected a name" : "";
               },
               [s] { return s->people; }, "Whom");
  YamlFields::Records guests;
  guests.expects = "with a name";
  guests.clear = [s] { s->guests.clear(); };
  guests.size = [s] { return s->guests.size(); };
  guests.fields = [s](size_t i) {
    if (i == s->guests.size()) s->guests.emplace_back();
    YamlFields guest;
    guest.Text("name", &s->guests[i].name, 20, "Who");
    guest.Section("wants", "What");
    guest.Integer("wants.seats", &s->guests[i].seats, 1, 9, "How many");
    return guest;
  };
  guests.check = [s](size_t i) -> std::string { return s->guests[i].name.empty() ? "name is missing" : ""; };
  fields.AddRecords("guests", 2, guests, "Who comes");
  return fields;
}

std::string ErrorOf(std::string_view yaml) {
  Sample sample;
  return std::string(FieldsOf(&sample).Load(yaml, "f.yaml").message());
}

TEST(YamlFields, SetsWhatIsGivenAndLeavesTheRest) {
  Sample s;
  ASSERT_TRUE(FieldsOf(&s).Load("count: 5\non: true\nwindow: 90s\nname: x\ncolour: red\ngroup: {inner: 9}\n"
                                "word: four\nbytes: 2GiB\nsettings: {z.y: 1, x: two}\npeople: [a, b]\n"
                                "guests:\n  - name: c\n  - {name: d, wants: {seats: 2}}\n", "f").ok());
  EXPECT_THAT(s.people, testing::ElementsAre("a", "b"));
  ASSERT_EQ(s.guests.size(), 2u);
  EXPECT_EQ(s.guests[0].name, "c");
  EXPECT_EQ(s.guests[0].seats, 1);
  EXPECT_EQ(s.guests[1].name, "d");
  EXPECT_EQ(s.guests[1].seats, 2);
  EXPECT_EQ(s.count, 5);
  EXPECT_TRUE(s.on);
  EXPECT_EQ(s.window, Span::Seconds(90));
  EXPECT_EQ(s.name, "x");
  EXPECT_EQ(s.colour, Colour::kRed);
  EXPECT_EQ(s.inner, 9);
  EXPECT_EQ(s.word, "four");
  EXPECT_EQ(s.bytes, uint64_t{2} << 30);
  EXPECT_EQ(s.settings, (YamlFields::WordMap{{"z.y", "1"}, {"x", "two"}}));
  Sample untouched;
  ASSERT_TRUE(FieldsOf(&untouched).Load("", "f").ok());
  ASSERT_TRUE(FieldsOf(&untouched).Load("# nothing\ngroup:\n", "f").ok());
  EXPECT_EQ(untouched.count, 3);
}

// A list of items, each with a number and an expression that may hold everything but a "?".
struct List {
  struct Item {
    int64_t n = 0;
    std::string text;
  };
  std::deque<Item> items;

  YamlFields Fields() {
    YamlFields fields;
    const auto of = [](Item* item) {
      YamlFields keys;
      keys.Integer("n", &item->n, 1, 9, "A number");
      keys.Expression("text", "no question",
                      [item](const std::string& text) -> std::optional<YamlFields::Flaw> {
                        item->text = text;
                        const size_t at = text.find('?');
                        return at == std::string::npos ? std::nullopt : std::optional(YamlFields::Flaw{at, "a question"});
                      },
                      [item] { return item->text; }, "A text");
      return keys;
    };
    YamlFields::Records records;
    records.expects = "things";
    records.clear = [this] { items.clear(); };
    records.size = [this] { return items.size(); };
    records.fields = [this, of](size_t i) {
      if (i == items.size()) items.emplace_back();
      return of(&items[i]);
    };
    records.check = [this](size_t i) -> std::string { return items[i].n == 0 ? "n is wanted" : ""; };
    records.example = [of] {
      static Item example;
      return of(&example);
    };
    fields.AddRecords("list", 2, std::move(records), "Things");
    return fields;
  }
};

TEST(YamlFields, RecordsAreReadPrintedAndReadAgain) {
  List list;
  EXPECT_THAT(list.Fields().Print(), testing::HasSubstr("# Things (things)\n#   n: A number (from 1 to 9)\n#   text: A text (no question)\nlist: []\n"));
  ASSERT_TRUE(list.Fields().Load("list:\n  - {n: 3, text: a < b}\n  - n: 4\n", "f").ok());
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_EQ(list.items[0].text, "a < b");
  EXPECT_EQ(list.items[1].n, 4);
  const std::string printed = list.Fields().Print();
  List again;
  ASSERT_TRUE(again.Fields().Load(printed, "f").ok()) << printed;
  EXPECT_EQ(again.Fields().Print(), printed);
  List empty;
  EXPECT_TRUE(empty.Fields().Load("list:\n", "f").ok());
  EXPECT_TRUE(empty.items.empty());
}

// Goal: the flaw's own place is named wherever YAML lets a text stand. Method: one flaw in each style.
TEST(YamlFields, AFlawInAnExpressionIsNamedByItsPlace) {
  const auto error = [](const std::string& yaml) {
    List list;
    return std::string(list.Fields().Load(yaml, "f.yaml").message());
  };
  EXPECT_EQ(error("list:\n  - n: 1\n    text: ab ?\n"), "f.yaml:3:14: list[0].text: a question");
  EXPECT_EQ(error("list:\n  - n: 1\n    text: \"ab ?\"\n"), "f.yaml:3:15: list[0].text: a question");
  EXPECT_EQ(error("list:\n  - n: 1\n    text: 'ab\n      c ?'\n"), "f.yaml:4:9: list[0].text: a question");
  EXPECT_EQ(error("list:\n  - n: 1\n    text: |\n      ab\n        c ?\n"), "f.yaml:5:11: list[0].text: a question");
  EXPECT_EQ(error("list:\n  - n: 1\n    text: >-\n      ab\n      ?\n"), "f.yaml:5:7: list[0].text: a question");
  EXPECT_EQ(error("list:\n  - n: 1\n    text: \"a\\x62 ?\"\n"), "f.yaml:3:11: list[0].text: a question") << "behind an escape: the text's beginning";
  EXPECT_EQ(error("list:\n  - n: 1\n    text: !ab\n"), "f.yaml:3:11: list[0].text: what begins with \"!\" must be in quotes");
  EXPECT_EQ(error("list:\n  - n: 0\n"), "f.yaml:2:8: list[0].n: expected a whole number from 1 to 9, not \"0\"");
  EXPECT_EQ(error("list:\n  - text: a\n"), "f.yaml:2:5: list[0]: n is wanted");
  EXPECT_EQ(error("list: [{n: 1}, {n: 1}, {n: 1}]\n"), "f.yaml:1:7: list: expected a list of at most 2, things");
}

TEST(YamlFields, NamesFileLineColumnAndKey) {
  EXPECT_EQ(ErrorOf("count: 5\ncuont: 6\n"), "f.yaml:2:1: cuont: unknown key");
  EXPECT_EQ(ErrorOf("group:\n  inner: 1\n  outer: 1\n"), "f.yaml:3:3: group.outer: unknown key");
  EXPECT_EQ(ErrorOf("count: many\n"), "f.yaml:1:8: count: expected a whole number from 1 to 100, not \"many\"");
  EXPECT_EQ(ErrorOf("count: 101\n"), "f.yaml:1:8: count: expected a whole number from 1 to 100, not \"101\"");
  EXPECT_EQ(ErrorOf("count: 1\ncount: 2\n"), "f.yaml:2:1: count: is given twice");
  EXPECT_EQ(ErrorOf("group: 1\n"), "f.yaml:1:8: group: expected keys and values");
  EXPECT_EQ(ErrorOf("count: [1]\n"), "f.yaml:1:8: count: expected one value, from 1 to 100");
  EXPECT_EQ(ErrorOf("on: yes\n"), "f.yaml:1:5: on: expected true or false, not \"yes\"");
  EXPECT_EQ(ErrorOf("colour: green\n"), "f.yaml:1:9: colour: expected red or blue, not \"green\"");
  EXPECT_THAT(ErrorOf("window: 31d\n"), testing::HasSubstr("f.yaml:1:9: window: expected a length of time"));
  EXPECT_THAT(ErrorOf("- a\n"), testing::HasSubstr("expected keys and values"));
  EXPECT_THAT(ErrorOf("a: b: c\n"), testing::HasSubstr("f.yaml:1:5: no valid YAML"));
  EXPECT_THAT(ErrorOf("count: 1\n---\ncount: 2\n"), testing::HasSubstr("one document only"));
  EXPECT_THAT(ErrorOf("group.inner: 1\n"), testing::HasSubstr("unknown key"));
  EXPECT_THAT(ErrorOf(std::string(100'000, '[')), testing::HasSubstr("no valid YAML"));
  EXPECT_EQ(ErrorOf("word: three\n"), "f.yaml:1:7: word: expected four letters, not \"three\"");
  EXPECT_THAT(ErrorOf("bytes: 1KB\n"), testing::HasSubstr("f.yaml:1:8: bytes: expected a size from 1KiB to 1TiB"));
  EXPECT_EQ(ErrorOf("settings: {x: 1, x: secret}\n"), "f.yaml:1:18: settings.x: is given twice");
  EXPECT_EQ(ErrorOf("settings: {x: [1]}\n"), "f.yaml:1:15: settings.x: expected one value");
  EXPECT_EQ(ErrorOf("settings: {bad: secret}\n"), "f.yaml:1:11: settings: bad isn't a setting");
  EXPECT_EQ(ErrorOf("settings: {a: 1, b: 2, c: 3}\n"),
            "f.yaml:1:11: settings: expected at most 2 keys and values, a setting and its value");
  EXPECT_THAT(ErrorOf("? [a, b]\n: 1\n"), testing::HasSubstr("a key must be a word"));
  EXPECT_EQ(ErrorOf("people:\n  - a\n  - \"*b\"\n"), "f.yaml:3:5: people[1]: expected a name, not \"*b\"");
  EXPECT_EQ(ErrorOf("people: [[a]]\n"), "f.yaml:1:10: people[0]: expected names");
  EXPECT_EQ(ErrorOf("people: a\n"), "f.yaml:1:9: people: expected a list of at most 3, names");
  EXPECT_EQ(ErrorOf("guests:\n  - {wants: {seats: 2}}\n"), "f.yaml:2:5: guests[0]: name is missing");
  EXPECT_EQ(ErrorOf("guests:\n  - name: a\n  - wants: {seats: 20}\n"),
            "f.yaml:3:20: guests[1].wants.seats: expected a whole number from 1 to 9, not \"20\"");
  EXPECT_EQ(ErrorOf("guests: [{nam: a}]\n"), "f.yaml:1:11: guests[0].nam: unknown key");
  EXPECT_EQ(ErrorOf("guests: [a]\n"), "f.yaml:1:10: guests[0]: expected keys and values, with a name");
}

TEST(YamlFields, PrintsWhatItReads) {
  Sample s;
  s.window = Span::Seconds(90);
  s.colour = Colour::kRed;
  s.people = {"@a", "b: c"};
  s.guests = {{"c", 1}, {"d e", 9}};
  const std::string printed = FieldsOf(&s).Print();
  EXPECT_THAT(printed, testing::StartsWith("# How many (from 1 to 100)\ncount: 3\n"));
  Sample back;
  ASSERT_TRUE(FieldsOf(&back).Load(printed, "f").ok());
  EXPECT_EQ(FieldsOf(&back).Print(), printed);
  EXPECT_EQ(back.name, "a\"b");
  EXPECT_EQ(back.settings, s.settings);
  EXPECT_THAT(printed, testing::HasSubstr("\nguests: [{name: \"c\", wants: {seats: 1}}, {name: \"d e\", wants: {seats: 9}}]\n"));
}

TEST(ParseSpan, TakesOneUnitAndRefusesTheRest) {
  EXPECT_EQ(ParseSpan("250ms"), Span::Millis(250));
  EXPECT_EQ(ParseSpan("2d"), Span::Days(2));
  for (const char* wrong : {"", "5", "s", "-5s", "1h30m", "5 s", "99999999999999999999s", "9999999999999999d"}) {
    EXPECT_EQ(ParseSpan(wrong), std::nullopt) << wrong;
  }
}

TEST(ParseSize, TakesBinaryUnitsAndRefusesTheRest) {
  EXPECT_EQ(ParseSize("0"), 0u);
  EXPECT_EQ(ParseSize("3KiB"), 3072u);
  EXPECT_EQ(SizeToText(3072), "3KiB");
  EXPECT_EQ(SizeToText(0), "0B");
  for (const char* wrong : {"", "GiB", "-1", "1GB", "1 GiB", "99999999999TiB"}) EXPECT_EQ(ParseSize(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace sekisho
