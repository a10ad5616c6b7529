/* The CPython in the Windows wheel has no python.exe; this program calls its DLL instead. */
#include <wchar.h>
#include <windows.h>
typedef int (*Main)(int, wchar_t **);
int wmain(int argc, wchar_t **argv) {
    HMODULE python = LoadLibraryW(PYTHON_DLL);
    Main run = python ? (Main)(void *)GetProcAddress(python, "Py_Main") : 0;
    return run ? run(argc, argv) : 127;
}
