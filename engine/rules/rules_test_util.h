// An account with a life to ask about, for the tests of this folder.
#ifndef SEKISHO_ENGINE_RULES_RULES_TEST_UTIL_H_
#define SEKISHO_ENGINE_RULES_RULES_TEST_UTIL_H_

#include <string>

#include "engine/base/ids.h"
#include "engine/base/ip.h"
#include "engine/rules/feature_table.h"
#include "engine/window/account_window.h"
#include "engine/window/features.h"
#include "engine/window/population.h"

namespace sekisho::rules {

// Applies events one after another; the scene is the last one's.
class TestAccount {
 public:
  static constexpr EventTime kStart = EventTime::FromSeconds(1'772'409'600);

  TestAccount() { account_.login = "owner@example.jp"; }

  // `country` as two letters, or empty.
  void Apply(EventKind kind, Span since_start, const std::string& ip, const std::string& country, Service service,
             uint32_t recipients = 0) {
    event_ = Event();
    event_.kind = kind;
    event_.service = service;
    event_.time = kStart + since_start;
    event_.account = account_.login;
    event_.id = AccountId::FromLogin(account_.login);
    event_.ip = IpAddress::Parse(ip).value();
    if (country.size() == 2) event_.place.country = static_cast<uint16_t>(country[0] << 8 | country[1]);
    event_.recipients = recipients;
    if (kind == EventKind::kLoginFailed) event_.failure = FailureKind::kCredentials;
    if (population_.log_began.never()) population_.log_began = event_.time;
    touch_ = account_.Apply(event_, population_, true);
    features_ = ReadFeatures(account_, event_, touch_, population_);
  }
  void Read(Span since_start, const std::string& ip, const std::string& country) {
    Apply(EventKind::kLogin, since_start, ip, country, Service::kImap);
  }
  void Send(Span since_start, const std::string& ip, const std::string& country, uint32_t recipients = 1) {
    Apply(EventKind::kSubmission, since_start, ip, country, Service::kSmtp, recipients);
  }

  // Ten days at home in Japan: reads each six hours, sends two messages to three people each a day.
  void LiveAtHome() {
    for (int64_t day = 0; day < 10; ++day) {
      for (int64_t quarter = 0; quarter < 4; ++quarter) Read(Span::Days(day) + Span::Hours(6 * quarter), "203.0.113.5", "JP");
      for (int64_t n = 0; n < 2; ++n) Send(Span::Days(day) + Span::Hours(19 + n), "203.0.113.5", "JP", 3);
    }
  }
  // Then one message from each of three countries, ten minutes apart, to twenty people each.
  void BeStolen() {
    Send(Span::Days(10) + Span::Minutes(0), "198.51.100.1", "US", 20);
    Send(Span::Days(10) + Span::Minutes(10), "198.51.100.77", "BR", 20);
    Send(Span::Days(10) + Span::Minutes(20), "192.0.2.9", "RU", 20);
  }

  Scene scene() const { return {account_, event_, touch_, features_}; }
  AccountWindow& account() { return account_; }
  int64_t Value(std::string_view feature, Span window = Span()) const {
    const int index = FindFeature(feature);
    return index < 0 ? INT64_MIN : AllFeatures()[static_cast<size_t>(index)].read(scene(), window);
  }

 private:
  AccountWindow account_;
  Population population_;
  Event event_;
  AccountWindow::Touch touch_;
  Features features_;
};

}  // namespace sekisho::rules

#endif  // SEKISHO_ENGINE_RULES_RULES_TEST_UTIL_H_
