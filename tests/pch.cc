// Carries the tests' precompiled header: tests/CMakeLists.txt.
