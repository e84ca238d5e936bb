# Warnings are errors under gcc 12 and clang 14, conversions included.
add_compile_options(
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough
  -fno-strict-aliasing -fvisibility=hidden -ffunction-sections -fdata-sections)
if(SLEEPER_WERROR)
  add_compile_options(-Werror)
endif()
# Error texts are cut at a character on purpose (base/err.c); gcc warns of that at -O1 and above.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-format-truncation)
endif()
add_compile_definitions(_GNU_SOURCE)
add_link_options(-Wl,--gc-sections -Wl,--as-needed -Wl,-z,relro)

# What only assertions use is unused where there are none; the other builds see to what is really unused.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-Wno-unused-parameter -Wno-unused-variable -Wno-unused-but-set-variable -Wno-unused-function)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT SLEEPER_SANITIZE)
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(SLEEPER_SANITIZE)
  add_compile_options(-fsanitize=${SLEEPER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SLEEPER_SANITIZE})
endif()
if(SLEEPER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(SLEEPER_COVER)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(SLEEPER_LTO)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT has_lto LANGUAGES C)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${has_lto})
endif()
