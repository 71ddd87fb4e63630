# Stands in for an installed Slicer: what find_package(Slicer) would define, as far as this extension asks for it.
set(Slicer_VERSION ${STUB_SLICER_VERSION})
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/EndOfExtension.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/EndOfExtension.cmake)
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR qt-scripted-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR qt-scripted-modules)
