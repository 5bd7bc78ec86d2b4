module buildtools/standin

go 1.21
