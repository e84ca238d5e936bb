# Warnings are errors under gcc 12 and clang 14, conversions included.
add_compile_options(
  -Wall -Wextra -Wpedantic -Werror -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough
  -fno-strict-aliasing -fvisibility=hidden)
add_compile_definitions(_GNU_SOURCE)
if(SLEEPER_SANITIZE)
  add_compile_options(-fsanitize=${SLEEPER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SLEEPER_SANITIZE})
endif()
if(SLEEPER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
