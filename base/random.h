// Randomness as an interface: the kernel's in programs, a seeded generator in tests.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>

namespace toast {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<unsigned char> out) = 0;
  std::uint64_t u64() {
    unsigned char raw[8];
    fill(raw);
    std::uint64_t v = 0;
    for (unsigned char byte : raw) v = (v << 8) | byte;
    return v;
  }
  std::string bytes(std::size_t n) {
    std::string out(n, '\0');
    fill({reinterpret_cast<unsigned char*>(out.data()), n});
    return out;
  }
};

class SystemRandom final : public Random {
 public:
  void fill(std::span<unsigned char> out) override;  // getrandom(2); aborts if the kernel refuses
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<unsigned char> out) override {
    for (unsigned char& byte : out) byte = static_cast<unsigned char>(engine_());
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace toast
