// Which sanitizer this build carries: they read /proc, reserve huge memory, and start helpers of
// their own, so the sandbox leaves them the room. Release builds have none of it.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TOAST_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define TOAST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TOAST_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define TOAST_TSAN 1
#endif

namespace toast {
#if defined(TOAST_ASAN) || defined(TOAST_TSAN)
inline constexpr bool kSanitizerBuild = true;
#else
inline constexpr bool kSanitizerBuild = false;
#endif
#if defined(TOAST_TSAN)
inline constexpr bool kThreadSanitizerBuild = true;  // has a thread of its own from the start
#else
inline constexpr bool kThreadSanitizerBuild = false;
#endif
}  // namespace toast
