# Lines of text through write_stdout, print_msgpack and check_msgpack; then a file that is cut.
file(WRITE ${WORK}/lines.txt "first\nzweite Zeile: \"ä\"\n\n")
execute_process(COMMAND ${WRITE} INPUT_FILE ${WORK}/lines.txt OUTPUT_FILE ${WORK}/lines.msgpack
                COMMAND_ERROR_IS_FATAL ANY)

execute_process(COMMAND ${PRINT} ${WORK}/lines.msgpack OUTPUT_VARIABLE printed
                COMMAND_ERROR_IS_FATAL ANY)
if(NOT printed STREQUAL "\"first\"\n\"zweite Zeile: \\\"ä\\\"\"\n\"\"\n")
  message(FATAL_ERROR "printed: ${printed}")
endif()

execute_process(COMMAND ${CHECK} - INPUT_FILE ${WORK}/lines.msgpack OUTPUT_VARIABLE checked
                COMMAND_ERROR_IS_FATAL ANY)
if(NOT checked STREQUAL "-: 3 values\n")
  message(FATAL_ERROR "checked: ${checked}")
endif()

# A str header that claims five bytes, and three of them.
file(READ ${WORK}/lines.msgpack head LIMIT 4)
file(WRITE ${WORK}/cut.msgpack "${head}")
execute_process(COMMAND ${CHECK} ${WORK}/cut.msgpack OUTPUT_VARIABLE checked RESULT_VARIABLE code)
if(NOT code EQUAL 1 OR NOT checked MATCHES ": byte 4: the input ends inside a value\n$")
  message(FATAL_ERROR "cut file: ${code} ${checked}")
endif()
