# What a user gets: the program, the library, its headers, the manual page and the pkg-config file.
# Each appears as soon as its room has code.
include(GNUInstallDirs)

# The program carries the rooms itself: nothing of ours to find and relocate when it starts.
if(TARGET sleeper)
  set_target_properties(sleeper PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  install(TARGETS sleeper RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # The manual page is made by the program, from the tables that its parser and its help use.
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/sleeper.1 DEPENDS sleeper VERBATIM
    COMMAND sh -c "\"$1\" help manual-page >\"$2\"" sh $<TARGET_FILE:sleeper> ${CMAKE_BINARY_DIR}/sleeper.1)
  add_custom_target(manual ALL DEPENDS ${CMAKE_BINARY_DIR}/sleeper.1)
  install(FILES ${CMAKE_BINARY_DIR}/sleeper.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

# The library is src/api and what that stands on; it exports slp_ and nothing else (tools/check_exports.py).
if(TARGET room_api)
  set(map ${CMAKE_SOURCE_DIR}/cmake/libsleeper.map)
  add_library(libsleeper SHARED $<TARGET_OBJECTS:room_api>)
  set_target_properties(libsleeper PROPERTIES
    OUTPUT_NAME sleeper VERSION ${PROJECT_VERSION} SOVERSION 0 LINK_DEPENDS ${map}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_link_libraries(libsleeper PRIVATE room_api)
  target_link_options(libsleeper PRIVATE -Wl,--version-script=${map} -Wl,-Bsymbolic-functions)
  target_include_directories(libsleeper INTERFACE ${CMAKE_SOURCE_DIR}/include)
  install(TARGETS libsleeper LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY include/sleeper DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
  # The prefix follows from where the file lies, so that an installed tree can be moved.
  file(RELATIVE_PATH pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(cmake/sleeper.pc.in sleeper.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/sleeper.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
