# Libraries from Debian, each behind one seam private to its directory. The program is linked with the first two; the
# others (jansson, snappy, lz4, brotli) it opens on first use. test/cli holds the list of what a lookup in a folder loads.
find_package(Threads REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)
find_library(DEFLATE_LIBRARY deflate REQUIRED)
find_library(JANSSON_LIBRARY jansson REQUIRED)

# The one library that is not packaged: its pinned sources are brought on the first configure. Target nanoarrow_ipc.
if(NOT EXISTS ${CMAKE_SOURCE_DIR}/third_party/nanoarrow/VERSION)
  message(STATUS "Bringing the sources of nanoarrow: tools/nanoarrow.sh")
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/nanoarrow.sh RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "the sources of nanoarrow are missing: run tools/nanoarrow.sh where a package index of "
                        "Python can be reached, then configure again")
  endif()
endif()
add_subdirectory(cmake/nanoarrow EXCLUDE_FROM_ALL)
