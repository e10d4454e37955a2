// The texts of Dovecot's login and authentication lines, read without believing what a client put into them. Pure.
#ifndef SEKISHO_CONNECTORS_INGEST_DOVECOT_LOGIN_TEXT_H_
#define SEKISHO_CONNECTORS_INGEST_DOVECOT_LOGIN_TEXT_H_

#include <optional>
#include <string_view>

#include "connectors/common/event.h"
#include "engine/base/ip.h"

namespace sekisho::connectors::dovecot {

// All views point into the line.
struct LoginText {
  std::string_view user;
  std::string_view method;
  std::string_view session;
  IpAddress ip;  // unspecified where PAM knew only a name
  FailureKind failure = FailureKind::kNone;
};

// A level ("Info: ") at the start of `*text` is taken off. False where it is one that no login is told at (Debug,
// Warning, Error, …).
bool TakeLevel(std::string_view* text);

// "user=<U>, method=M, rip=IP, lip=IP, …, session=<S>", from the end. Null, or what is wrong.
const char* ReadLoginFields(std::string_view fields, LoginText* out);

// What the login process gives as the reason of a disconnect, e.g. "Disconnected (auth failed, 1 attempts)". kNone where
// nobody tried to log in.
FailureKind ReadLoginReason(std::string_view reason);

enum class AuthLine : uint8_t { kOther, kFailure, kForged };
// "driver(user,ip[,<session>]): reason", after everything that the server itself puts before it.
AuthLine ReadAuthFailure(std::string_view text, LoginText* out);
// 2.4: "(user,ip[,sasl:mechanism])<session>: [Level: ]driver: reason".
AuthLine ReadAuthFailure24(std::string_view text, LoginText* out);
// "pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=U rhost=IP[  user=U]", of PAM.
AuthLine ReadPamFailure(std::string_view text, LoginText* out);

}  // namespace sekisho::connectors::dovecot

#endif  // SEKISHO_CONNECTORS_INGEST_DOVECOT_LOGIN_TEXT_H_
