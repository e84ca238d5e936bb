# The kinds of test that are not one cmocka program on some rooms: fuzz targets, transcripts of the command line,
# programs in Python that judge our files, examples, and what the shared library exports.
#
# All of them print cmocka's lines ([       OK ] name, [  FAILED  ] name, [  SKIPPED ] name), so that
# tools/run_tests.py can count cases and not programs.

# test/fuzz/<name>_fuzz.c defines LLVMFuzzerTestOneInput; its first line names rooms. Under clang with SLEEPER_FUZZ it
# becomes a libFuzzer program. Else fuzz/driver.c replays corpus/<name> and a bounded number of seeded mutations.
file(GLOB files CONFIGURE_DEPENDS fuzz/*_fuzz.c)
if(files AND NOT SLEEPER_FUZZ)
  add_library(fuzzdriver STATIC fuzz/driver.c)
endif()
foreach(file ${files})
  get_filename_component(name ${file} NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" name ${name})
  file(STRINGS ${file} first LIMIT_COUNT 1)
  string(REGEX MATCH "rooms: ([a-z ]+)" unused "${first}")
  string(STRIP "${CMAKE_MATCH_1}" rooms)
  string(REPLACE " " ";" rooms "${rooms}")
  set(id fuzz.${name})
  add_executable(${id} ${file})
  target_include_directories(${id} PRIVATE ${CMAKE_SOURCE_DIR}/test)
  foreach(room ${rooms})
    if(TARGET room_${room})
      target_link_libraries(${id} PRIVATE room_${room})
    endif()
  endforeach()
  if(SLEEPER_FUZZ)
    target_link_options(${id} PRIVATE -fsanitize=fuzzer)
  else()
    target_link_libraries(${id} PRIVATE fuzzdriver)
    set(dictionary ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}.dict)
    if(EXISTS ${dictionary})
      set(with_dictionary --dict ${dictionary})
    else()
      set(with_dictionary)
    endif()
    add_test(NAME ${id} COMMAND ${id} ${with_dictionary} test/fuzz/corpus/${name}
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${id} PROPERTIES LABELS fuzz TIMEOUT 300)
  endif()
endforeach()

# slp_script(FILE LABEL COMMAND...): a script that judges the program as a user meets it; $SLEEPER is its path.
function(slp_script file label)
  file(RELATIVE_PATH path ${CMAKE_CURRENT_SOURCE_DIR} ${file})
  string(REGEX REPLACE "\\.(sh|py)$" "" id ${path})
  string(REPLACE "/" "." id ${id})
  add_test(NAME ${id} COMMAND ${ARGN} ${file} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${id} PROPERTIES
    LABELS ${label} TIMEOUT 600
    ENVIRONMENT "SLEEPER=$<TARGET_FILE:sleeper>;SLEEPER_BUILD=${CMAKE_BINARY_DIR}")
endfunction()

# The tools' own tests stand on nothing that is built.
file(GLOB files CONFIGURE_DEPENDS house/*_test.py)
foreach(file ${files})
  get_filename_component(name ${file} NAME_WE)
  add_test(NAME house.${name} COMMAND python3 ${file} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(house.${name} PROPERTIES LABELS quick TIMEOUT 120)
endforeach()

if(TARGET sleeper)
  file(GLOB files CONFIGURE_DEPENDS cli/*_test.sh)
  foreach(file ${files})
    slp_script(${file} cli bash)
  endforeach()
  # Killing and racing whole processes needs the program too.
  file(GLOB files CONFIGURE_DEPENDS crash/*_test.sh crash/*_test.py)
  foreach(file ${files})
    if(file MATCHES "\\.py$")
      slp_script(${file} crash ${CMAKE_SOURCE_DIR}/.venv/bin/python)
    else()
      slp_script(${file} crash bash)
    endif()
  endforeach()
  # Judges that a Python package brings; those that need Java or a server are *_heavy_test.py: make interop alone.
  file(GLOB files CONFIGURE_DEPENDS interop/*_test.py)
  foreach(file ${files})
    set(label interop)
    if(file MATCHES "_heavy_test\\.py$")
      set(label heavy)
    endif()
    slp_script(${file} ${label} ${CMAKE_SOURCE_DIR}/.venv/bin/python)
  endforeach()
endif()

if(TARGET libsleeper)
  # The library exports what the public headers declare, and each public header compiles alone.
  add_test(NAME cli.exports COMMAND python3 tools/check_exports.py $<TARGET_FILE:libsleeper> include/sleeper
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(cli.exports PROPERTIES LABELS cli TIMEOUT 60)

  # examples/*.c are what a user of the library writes: built on the public headers alone, and run.
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*.c)
  foreach(file ${files})
    get_filename_component(name ${file} NAME_WE)
    add_executable(example.${name} ${file})
    target_link_libraries(example.${name} PRIVATE libsleeper)
    add_test(NAME example.${name} COMMAND bash test/cli/example.sh $<TARGET_FILE:example.${name}>
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(example.${name} PROPERTIES LABELS cli TIMEOUT 120)
  endforeach()
endif()
