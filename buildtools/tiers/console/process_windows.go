package main

import (
	"os"
	"strings"
	"syscall"
	"unsafe"
)

var (
	kernel32       = syscall.NewLazyDLL("kernel32.dll")
	createJob      = kernel32.NewProc("CreateJobObjectW")
	setJob         = kernel32.NewProc("SetInformationJobObject")
	queryJob       = kernel32.NewProc("QueryInformationJobObject")
	assignToJob    = kernel32.NewProc("AssignProcessToJobObject")
	resumeThread   = kernel32.NewProc("ResumeThread")
	createThread   = kernel32.NewProc("CreateRemoteThread")
	fullImageName  = kernel32.NewProc("QueryFullProcessImageNameW")
	readMemory     = kernel32.NewProc("ReadProcessMemory")
	controlRoutine = syscall.NewLazyDLL("kernelbase.dll").NewProc("CtrlRoutine")
	errElsewhere   = syscall.Errno(487) // ERROR_INVALID_ADDRESS
)

const (
	suspended           = 0x4
	jobProcessIDs       = 3
	jobExtendedLimits   = 9
	killOnJobClose      = 0x2000
	processQueryLimited = 0x1000
	mostMembers         = 256
	codeCompared        = 32
	longestName         = 1024
	thisProcess         = ^uintptr(0) // GetCurrentProcess
)

// extendedLimits is JOBOBJECT_EXTENDED_LIMIT_INFORMATION.
type extendedLimits struct {
	perProcessTime, perJobTime           int64
	flags                                uint32
	minimumWorkingSet, maximumWorkingSet uintptr
	activeProcesses                      uint32
	affinity                             uintptr
	priority, scheduling                 uint32
	io                                   [6]uint64
	memory                               [4]uintptr
}

// start creates the program's process in a job of its own, from which nothing that it starts gets away.
func start(wanted order) (syscall.Handle, *syscall.ProcessInformation, error) {
	job, _, err := createJob.Call(0, 0)
	if job == 0 {
		return 0, nil, err
	}
	limits := extendedLimits{flags: killOnJobClose}
	if ok, _, err := setJob.Call(job, jobExtendedLimits, uintptr(unsafe.Pointer(&limits)), unsafe.Sizeof(limits)); ok == 0 {
		return 0, nil, err
	}
	process, err := create(wanted)
	if err != nil {
		return 0, nil, err
	}
	if ok, _, err := assignToJob.Call(job, uintptr(process.Process)); ok == 0 {
		syscall.TerminateProcess(process.Process, 1)
		return 0, nil, err
	}
	resumeThread.Call(uintptr(process.Thread))
	return syscall.Handle(job), process, nil
}

// create makes the process, which does not run yet.
func create(wanted order) (*syscall.ProcessInformation, error) {
	words := make([]string, len(wanted.Arguments))
	for number, word := range wanted.Arguments {
		words[number] = syscall.EscapeArg(word)
	}
	command, err := syscall.UTF16PtrFromString(strings.Join(words, " "))
	if err != nil {
		return nil, err
	}
	folder, err := syscall.UTF16PtrFromString(wanted.Folder)
	if err != nil {
		return nil, err
	}
	block, err := environment(wanted.Environment)
	if err != nil {
		return nil, err
	}
	null, err := syscall.Open("NUL", syscall.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	// A relative name is looked for where its starter is. Where there is no such folder, the call below says so.
	_ = os.Chdir(wanted.Folder)
	output := syscall.Handle(os.Stderr.Fd())
	for _, handle := range []syscall.Handle{null, output} {
		if err := syscall.SetHandleInformation(handle, syscall.HANDLE_FLAG_INHERIT, syscall.HANDLE_FLAG_INHERIT); err != nil {
			return nil, err
		}
	}
	how := syscall.StartupInfo{Flags: syscall.STARTF_USESTDHANDLES, StdInput: null, StdOutput: output, StdErr: output}
	how.Cb = uint32(unsafe.Sizeof(how))
	var process syscall.ProcessInformation
	err = syscall.CreateProcess(nil, command, nil, nil, true, suspended|syscall.CREATE_UNICODE_ENVIRONMENT,
		&block[0], folder, &how, &process)
	return &process, err
}

// environment is wine's own with these entries over it; names are the same in capitals and small letters.
// This process gets it, too: the program is searched in the PATH of who starts it.
func environment(entries []string) ([]uint16, error) {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(strings.ToUpper(name), "WINE") {
			os.Unsetenv(name)
		}
	}
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	var block []uint16
	for _, entry := range os.Environ() {
		text, err := syscall.UTF16FromString(entry)
		if err != nil {
			return nil, err
		}
		block = append(block, text...)
	}
	return append(block, 0, 0), nil
}

// send starts the routine in the process with which Windows itself hands out a console event.
func send(process syscall.Handle, event int) error {
	if err := controlRoutine.Find(); err != nil {
		return err
	}
	// The routine lies where it lies here only if its DLL does.
	here, err := code(syscall.Handle(thisProcess))
	if err != nil {
		return err
	}
	there, err := code(process)
	if err != nil {
		return err
	}
	if here != there {
		return errElsewhere
	}
	thread, _, err := createThread.Call(uintptr(process), 0, 0, controlRoutine.Addr(), uintptr(event), 0, 0)
	if thread == 0 {
		return err
	}
	return syscall.CloseHandle(syscall.Handle(thread))
}

// code is the beginning of the routine as the process has it.
func code(process syscall.Handle) ([codeCompared]byte, error) {
	var read [codeCompared]byte
	ok, _, err := readMemory.Call(uintptr(process), controlRoutine.Addr(), uintptr(unsafe.Pointer(&read)), codeCompared, 0)
	if ok == 0 {
		return read, err
	}
	return read, nil
}

// members are the programs that run in the job.
func members(job syscall.Handle) []string {
	var list struct {
		assigned, listed uint32
		ids              [mostMembers]uintptr
	}
	queryJob.Call(uintptr(job), jobProcessIDs, uintptr(unsafe.Pointer(&list)), unsafe.Sizeof(list), 0)
	var names []string
	for _, id := range list.ids[:list.listed] {
		names = append(names, nameOf(uint32(id)))
	}
	return names
}

func nameOf(id uint32) string {
	process, err := syscall.OpenProcess(processQueryLimited, false, id)
	if err != nil {
		return "a program without a name"
	}
	defer syscall.CloseHandle(process)
	var name [longestName]uint16
	size := uint32(len(name))
	fullImageName.Call(uintptr(process), 0, uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size)))
	return syscall.UTF16ToString(name[:])
}
