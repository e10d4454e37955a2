// One account, one name. Fixed for the life of a log: a changed rule would split an account's history.
#ifndef SEKISHO_CONNECTORS_COMMON_CANONICAL_H_
#define SEKISHO_CONNECTORS_COMMON_CANONICAL_H_

#include <string>
#include <string_view>

#include "connectors/common/event.h"
#include "engine/base/hash.h"

namespace sekisho::connectors {

struct CanonicalOptions {
  std::string default_realm;   // appended as "@realm" to a login that has none; empty: left as it is
  bool fold_case = true;       // ASCII letters to lower case
  char extension_delimiter = '\0';  // e.g. '+': "a+x@d" becomes "a@d"; '\0': off
};

class Canonicalizer {
 public:
  // `recipient_key` hashes recipients and senders, see KeyedHash64.
  Canonicalizer(CanonicalOptions options, HashKey recipient_key);

  // The canonical login. Trims surrounding white space; folds case; adds the realm. Control characters and bytes that
  // are no UTF-8 are kept as they are (they are escaped wherever they are printed), so that two hostile names never
  // become one. At most kLoginBytesMax bytes: a longer login ends in '~' and 16 hex digits of its hash instead of the rest,
  // so it still is one name. A canonical login stays as it is. An empty login stays empty. Returns a view into an internal
  // buffer, valid until the next call.
  std::string_view Login(std::string_view login);

  // Domain and keyed hash of an envelope address (without <>). Both are taken of the lower-case address (the local part
  // keeps its case without fold_case); one without a domain gets the default realm. The domain, at most
  // kDomainBytesMax bytes of it, is a view into `buffer`, which is overwritten.
  Recipient Address(std::string_view address, std::string* buffer) const;

  static constexpr size_t kLoginBytesMax = 256;
  static constexpr size_t kDomainBytesMax = 255;  // what DNS allows

 private:
  CanonicalOptions options_;
  HashKey key_;
  std::string buffer_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_CANONICAL_H_
