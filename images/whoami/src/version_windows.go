package main

import (
	"fmt"
	"syscall"
	"unsafe"
)

// osVersionInfo is RTL_OSVERSIONINFOW.
type osVersionInfo struct {
	size, major, minor, build, platform uint32
	servicePack                         [128]uint16
}

// osVersion is the four-part version that image indexes use, such as 10.0.20348.2700. GetVersion would lie
// to a program without a manifest; RtlGetVersion does not, and the revision is in the registry alone.
func osVersion() string {
	info := osVersionInfo{}
	info.size = uint32(unsafe.Sizeof(info))
	syscall.NewLazyDLL("ntdll.dll").NewProc("RtlGetVersion").Call(uintptr(unsafe.Pointer(&info)))
	return fmt.Sprintf("%d.%d.%d.%d", info.major, info.minor, info.build, revision())
}

// revision is the UBR, 0 where it cannot be read.
func revision() uint32 {
	path, _ := syscall.UTF16PtrFromString(`SOFTWARE\Microsoft\Windows NT\CurrentVersion`)
	var key syscall.Handle
	if syscall.RegOpenKeyEx(syscall.HKEY_LOCAL_MACHINE, path, 0, syscall.KEY_READ, &key) != nil {
		return 0
	}
	defer syscall.RegCloseKey(key)
	name, _ := syscall.UTF16PtrFromString("UBR")
	var value, kind uint32
	size := uint32(unsafe.Sizeof(value))
	if syscall.RegQueryValueEx(key, name, nil, &kind, (*byte)(unsafe.Pointer(&value)), &size) != nil {
		return 0
	}
	return value
}
