# What other projects see: headers, library, and a package for find_package(tattn).
include(CMakePackageConfigHelpers)
target_compile_features(tattn PUBLIC cxx_std_20)  # the headers need it of whoever includes them
set(TATTN_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/tattn)

install(TARGETS tattn EXPORT tattn_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/tattn ${PROJECT_BINARY_DIR}/include/tattn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp")
install(EXPORT tattn_targets FILE tattnTargets.cmake NAMESPACE tattn:: DESTINATION ${TATTN_PACKAGE_DIR})

get_target_property(TATTN_LIBRARY_TYPE tattn TYPE)
configure_package_config_file(cmake/tattnConfig.cmake.in ${PROJECT_BINARY_DIR}/tattnConfig.cmake
                              INSTALL_DESTINATION ${TATTN_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tattnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tattnConfig.cmake ${PROJECT_BINARY_DIR}/tattnConfigVersion.cmake
        DESTINATION ${TATTN_PACKAGE_DIR})
