"""What Windows wants: releases, security descriptors, paths, hives, program files, layers."""
