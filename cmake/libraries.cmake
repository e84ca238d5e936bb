# Libraries from Debian, each behind one seam private to its directory. A lookup in a folder loads the first three
# and nothing else; test/cli holds that list.
find_package(Threads REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)
find_library(DEFLATE_LIBRARY deflate REQUIRED)
find_library(SNAPPY_LIBRARY snappy REQUIRED)
find_library(JANSSON_LIBRARY jansson REQUIRED)
