#include "engine/window/recipient_memory.h"

#include <utility>

#include "engine/base/hash.h"

namespace sekisho {
namespace {

// A filter of the chain: where its words end, and how many keys of the generation it is filled up to: 12.8 bits a key.
struct Filter {
  uint32_t words_end;
  uint32_t keys_end;
};
constexpr std::array<Filter, 3> kChain = {{{256, 640}, {768, 1920}, {2048, 5120}}};
// Six bits a key in filters of 12.8 bits a key: 0.3% of false positives each, 0.8% a full chain.
constexpr int kBitsPerKey = 6;

// The bit at `i` of a key in words [begin, end).
struct BitPlace {
  uint32_t word;
  uint32_t mask;
};
BitPlace PlaceOf(uint64_t hash, int i, uint32_t begin, uint32_t end) {
  const uint32_t step = static_cast<uint32_t>(hash) + static_cast<uint32_t>(i) * static_cast<uint32_t>(hash >> 32 | 1);
  const uint32_t bit = static_cast<uint32_t>((uint64_t{step} * ((end - begin) * 32)) >> 32);
  return {begin + bit / 32, uint32_t{1} << (bit % 32)};
}

void SetBits(SmallArray<uint32_t>* words, uint32_t fingerprint, uint32_t begin, uint32_t end) {
  const uint64_t hash = PinnedMix64(fingerprint);
  for (int i = 0; i < kBitsPerKey; ++i) {
    const BitPlace place = PlaceOf(hash, i, begin, end);
    (*words)[place.word] |= place.mask;
  }
}

uint32_t Fingerprint(uint64_t key) { return static_cast<uint32_t>(PinnedMix64(key) >> 32); }

}  // namespace

bool RecipientMemory::Generation::Contains(uint32_t fingerprint) const {
  if (keys <= kExactKeys) {
    for (const uint32_t word : words) {
      if (word == fingerprint) return true;
    }
    return false;
  }
  const uint64_t hash = PinnedMix64(fingerprint);
  uint32_t begin = 0;
  for (const Filter& filter : kChain) {
    if (begin >= words.size()) break;
    bool all = true;
    for (int i = 0; all && i < kBitsPerKey; ++i) {
      const BitPlace place = PlaceOf(hash, i, begin, filter.words_end);
      all = (words[place.word] & place.mask) != 0;
    }
    if (all) return true;
    begin = filter.words_end;
  }
  return false;
}

void RecipientMemory::Generation::Add(uint32_t fingerprint) {
  if (keys < kExactKeys) {
    words.push_back(fingerprint);
    ++keys;
    return;
  }
  if (keys == kExactKeys) {
    const SmallArray<uint32_t> exact = std::move(words);
    words.Clear();
    words.Resize(kChain[0].words_end);
    for (const uint32_t word : exact) SetBits(&words, word, 0, kChain[0].words_end);
  }
  uint32_t begin = 0;
  for (size_t i = 0; i < kChain.size(); ++i) {
    if (keys < kChain[i].keys_end || i + 1 == kChain.size()) {
      words.Resize(kChain[i].words_end);
      SetBits(&words, fingerprint, begin, kChain[i].words_end);
      break;
    }
    begin = kChain[i].words_end;
  }
  if (keys < UINT32_MAX) ++keys;
}

bool RecipientMemory::Contains(uint64_t key) const {
  const uint32_t fingerprint = Fingerprint(key);
  return generations_[0].Contains(fingerprint) || generations_[1].Contains(fingerprint);
}

bool RecipientMemory::AddAndTestNew(EventTime at, uint64_t key) {
  if (at.never()) return true;
  const int64_t millis = at.millis();
  const int64_t length = kGeneration.millis();
  const int64_t number = millis / length - (millis % length < 0 ? 1 : 0);
  const bool none = empty();
  if (none || number > current_) {
    const bool next = !none && number == current_ + 1;
    generations_[1] = next ? std::move(generations_[0]) : Generation();
    generations_[0] = Generation();
    current_ = number;
  }
  const uint32_t fingerprint = Fingerprint(key);
  const std::array<bool, 2> known = {generations_[0].Contains(fingerprint), generations_[1].Contains(fingerprint)};
  const int64_t back = current_ - number;
  if (back <= 1 && !known[static_cast<size_t>(back)]) generations_[static_cast<size_t>(back)].Add(fingerprint);
  return !known[0] && !known[1];
}

void RecipientMemory::Encode(ByteWriter* writer) const {
  const bool none = empty();
  writer->PutVarint(none ? 0 : 1);
  if (none) return;
  writer->PutZigzag(current_);
  for (const Generation& generation : generations_) {
    writer->PutVarint(generation.keys);
    for (const uint32_t word : generation.words) writer->PutFixed32(word);
  }
}

bool RecipientMemory::Decode(ByteReader* reader) {
  *this = RecipientMemory();
  if (reader->VarintUpTo(1) == 0) return reader->ok();
  RecipientMemory decoded;
  decoded.current_ = reader->Zigzag();
  for (Generation& generation : decoded.generations_) {
    generation.keys = static_cast<uint32_t>(reader->VarintUpTo(UINT32_MAX));
    uint32_t words = generation.keys;
    if (generation.keys > kExactKeys) {
      words = kChain.back().words_end;
      for (size_t i = kChain.size(); i-- > 0;) {
        if (generation.keys <= kChain[i].keys_end) words = kChain[i].words_end;
      }
    }
    if (words > reader->remaining() / sizeof(uint32_t)) reader->Fail();
    if (!reader->ok()) return false;
    generation.words.Resize(words);
    for (uint32_t& word : generation.words) word = reader->Fixed32();
  }
  if (decoded.generations_[0].keys == 0 && decoded.generations_[1].keys == 0) {
    reader->Fail();
    return false;
  }
  *this = std::move(decoded);
  return true;
}

}  // namespace sekisho
