# SPDX-License-Identifier: MIT
#
# Host programs, under $(H): unit tests with the sanitizers (gcc), fuzzers (clang). Both link the
# same table and allocator code as the firmware, over port/sim in place of a processor.

HOST_CC := gcc
FUZZ_CC := clang

HOST_SOURCES := $(sort port/errors.c port/errata.c port/lock.c port/outside.c $(wildcard port/sim/*.c mmu/*.c vm/*.c process/*.c) \
    $(filter-out alloc/malloc.c alloc/new.c,$(wildcard alloc/*.c)) \
    $(wildcard board/dev/fdt.c board/dev/sd.c board/dev/virtio_blk.c board/block.c board/platform.c board/table.c board/slot.c startup/trap.c startup/trap_names.c startup/user_report.c))
TEST_MACHINE := tests/unit/support.c tests/unit/user_machine.c
TEST_SHARED  := $(TEST_MACHINE) $(wildcard tests/shared/*.c)
UNIT_TESTS   := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZERS      := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
# Programs that do what a fuzzer does from a seed, faster; and what all of these share.
SOAKS        := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/soak_mmu.c))
SEEDED       := tests/fuzz/seeded.c
FUZZ_SHARED  := $(sort $(filter-out $(FUZZERS:%=tests/fuzz/%.c) $(SOAKS:%=tests/fuzz/%.c) $(SEEDED), \
    $(wildcard tests/fuzz/*.c)))
# The fuzzers of allocators also run from a seed, with words of 64 and of 32 bits.
RANDOM       := $(patsubst tests/fuzz/fuzz_%.c,random_%, \
    $(sort $(wildcard $(foreach what,regions frames pool slab heap pmem dma,tests/fuzz/fuzz_$(what).c))))
RANDOMS      := $(foreach name,$(RANDOM),$(name)_64 $(name)_32)

HOST_FLAGS := -std=gnu17 -g -O1 -fno-omit-frame-pointer $(DEFINES) -I. -Iinclude -Iport/sim \
    -Itests/unit $(WARNINGS) -ffile-prefix-map=$(CURDIR)=.
# Programs that run the library's own code on several threads, over port/host, under
# ThreadSanitizer.
THREADS        := $(patsubst tests/threads/%.c,%,$(sort $(wildcard tests/threads/threads_*.c)))
THREAD_SOURCES := $(filter-out port/sim/%,$(filter port/% mmu/% alloc/% vm/%,$(HOST_SOURCES))) \
    board/block.c startup/cpu_calls.c port/host/host.c tests/threads/threads.c
THREAD_FLAGS   := $(subst -Iport/sim,-Iport/host,$(HOST_FLAGS)) -fsanitize=thread
THREAD_OBJECTS := $(patsubst %,$(H)/tsan/%.o,$(THREAD_SOURCES))
SANITIZE   := -fsanitize=address,undefined -fno-sanitize-recover=all
# tests/unit/support.c hears of frames that are taken and given back.
TOLD       := -Wl,--wrap=ash_frames_alloc -Wl,--wrap=ash_frames_free
HOST_LIBS  := $(TOLD) -Wl,--as-needed -lcmocka -lfdt -lpthread
FUZZ_FLAGS := $(HOST_FLAGS) -O2 -fsanitize=fuzzer-no-link
FUZZ_LIBS  := $(TOLD) -Wl,--as-needed -lfdt
# The headers of the compiler's own word size serve the other one as well, where it has none.
M32_FLAGS  := $(HOST_FLAGS) -m32 -idirafter /usr/include/$(shell $(HOST_CC) -print-multiarch 2>/dev/null)
# Soaks are long runs, and unit tests and fuzzers have the sanitizers. Later options win.
SOAK_FLAGS     := $(HOST_FLAGS) -O2
COVERAGE_FLAGS := $(HOST_FLAGS) -O0 --coverage -fprofile-update=single

UNIT_OBJECTS := $(patsubst %,$(H)/gcc/%.o,$(HOST_SOURCES) $(TEST_SHARED) $(FUZZ_SHARED))
M32_OBJECTS  := $(patsubst %,$(H)/m32/%.o,$(HOST_SOURCES) $(TEST_MACHINE) \
    $(filter-out tests/fuzz/soak% tests/fuzz/shadow%,$(FUZZ_SHARED)))
FUZZ_OBJECTS := $(patsubst %,$(H)/clang/%.o,$(HOST_SOURCES) $(TEST_MACHINE) $(FUZZ_SHARED))
# A soak is one subject and port/sim: less to build than the whole library.
SOAK_SOURCES := $(filter port/% mmu/%,$(HOST_SOURCES)) $(FUZZ_SHARED)
SOAK_OBJECTS     := $(patsubst %,$(H)/soak/%.o,$(SOAK_SOURCES))
COVERAGE_OBJECTS := $(patsubst %,$(H)/coverage/%.o,$(SOAK_SOURCES))

# $1: file under $(H), $2: compiler, $3: words
define host_stamp
$(H)/$1: FORCE | packages
	@mkdir -p $$(@D)
	@new=$$@.$$$$$$$$; { $2 --version | head -n 1; echo '$3'; } >$$$$new; \
	    if cmp -s $$$$new $$@; then rm $$$$new; else mv $$$$new $$@; fi
endef
$(eval $(call host_stamp,gcc/flags,$(HOST_CC),$(HOST_FLAGS) $(SANITIZE) $(HOST_LIBS) $(UNIT_OBJECTS)))
$(eval $(call host_stamp,tsan/flags,$(HOST_CC),$(THREAD_FLAGS) $(THREAD_OBJECTS)))
$(eval $(call host_stamp,clang/flags,$(FUZZ_CC),$(FUZZ_FLAGS) $(SANITIZE) $(FUZZ_OBJECTS)))
$(eval $(call host_stamp,m32/flags,$(HOST_CC),$(M32_FLAGS) $(SANITIZE) $(M32_OBJECTS)))
$(eval $(call host_stamp,soak/flags,$(HOST_CC),$(SOAK_FLAGS) $(SOAK_OBJECTS)))
$(eval $(call host_stamp,coverage/flags,$(HOST_CC),$(COVERAGE_FLAGS) $(COVERAGE_OBJECTS)))

$(H)/gcc/%.c.o: %.c $(H)/gcc/flags | packages
	$(call say,HOSTCC  $<)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_FLAGS) $(SANITIZE) -MMD -MP -c $< -o $@

$(H)/m32/%.c.o: %.c $(H)/m32/flags | packages
	$(call say,HOSTCC  $< (32 bits))
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(M32_FLAGS) $(SANITIZE) -MMD -MP -c $< -o $@

# A fuzzer looks for new paths in what it tests, not in the judges.
$(FUZZ_SHARED:%=$(H)/clang/%.o) $(TEST_MACHINE:%=$(H)/clang/%.o) $(H)/clang/port/sim/%.c.o: FUZZ_FLAGS += -fno-sanitize=fuzzer-no-link
$(H)/clang/%.c.o: %.c $(H)/clang/flags | packages
	$(call say,FUZZCC  $<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) $(SANITIZE) -MMD -MP -c $< -o $@

$(H)/tsan/%.c.o: %.c $(H)/tsan/flags | packages
	$(call say,TSANCC  $<)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(THREAD_FLAGS) -MMD -MP -c $< -o $@

$(H)/soak/%.c.o: %.c $(H)/soak/flags | packages
	$(call say,SOAKCC  $<)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(SOAK_FLAGS) -MMD -MP -c $< -o $@

# Counts of an earlier build of the file would not fit.
$(H)/coverage/%.c.o: %.c $(H)/coverage/flags | packages
	$(call say,COVCC   $<)
	@mkdir -p $(@D)
	@rm -f $(@:.o=.gcda)
	$(Q)$(HOST_CC) $(COVERAGE_FLAGS) -MMD -MP -c $< -o $@

$(H)/gcc/libhost.a: $(UNIT_OBJECTS) $(H)/gcc/flags
	@rm -f $@
	$(Q)ar rcD $@ $(UNIT_OBJECTS)

$(H)/tsan/libhost.a: $(THREAD_OBJECTS) $(H)/tsan/flags
	@rm -f $@
	$(Q)ar rcD $@ $(THREAD_OBJECTS)

$(H)/m32/libhost.a: $(M32_OBJECTS) $(H)/m32/flags
	@rm -f $@
	$(Q)ar rcD $@ $(M32_OBJECTS)

$(H)/clang/libhost.a: $(FUZZ_OBJECTS) $(H)/clang/flags
	@rm -f $@
	$(Q)ar rcD $@ $(FUZZ_OBJECTS)

$(H)/test_%: $(H)/gcc/tests/unit/test_%.c.o $(H)/gcc/libhost.a
	$(call say,HOSTLD  $@)
	$(Q)$(HOST_CC) $(SANITIZE) $^ $(HOST_LIBS) -o $@

$(H)/fuzz_%: $(H)/clang/tests/fuzz/fuzz_%.c.o $(H)/clang/libhost.a
	$(call say,FUZZLD  $@)
	$(Q)$(FUZZ_CC) $(SANITIZE) -fsanitize=fuzzer $^ $(FUZZ_LIBS) -o $@

$(H)/random_%_64: $(H)/gcc/tests/fuzz/fuzz_%.c.o $(SEEDED:%=$(H)/gcc/%.o) $(H)/gcc/libhost.a
	$(call say,HOSTLD  $@)
	$(Q)$(HOST_CC) $(SANITIZE) $^ $(FUZZ_LIBS) -o $@

$(H)/random_%_32: $(H)/m32/tests/fuzz/fuzz_%.c.o $(SEEDED:%=$(H)/m32/%.o) $(H)/m32/libhost.a
	$(call say,HOSTLD  $@)
	$(Q)$(HOST_CC) -m32 $(SANITIZE) $^ $(TOLD) -o $@

$(H)/threads_%: $(H)/tsan/tests/threads/threads_%.c.o $(H)/tsan/libhost.a
	$(call say,HOSTLD  $@)
	$(Q)$(HOST_CC) -fsanitize=thread $^ -lpthread -o $@

$(H)/soak_%: $(H)/soak/tests/fuzz/soak_%.c.o $(SOAK_OBJECTS)
	$(call say,HOSTLD  $@)
	$(Q)$(HOST_CC) $^ -o $@

$(H)/coverage/soak_%: $(H)/coverage/tests/fuzz/soak_%.c.o $(COVERAGE_OBJECTS)
	$(call say,HOSTLD  $@)
	$(Q)$(HOST_CC) --coverage $^ -o $@

.PHONY: unit-tests fuzzers thread-tests
thread-tests: $(THREADS:%=$(H)/%)
unit-tests: $(UNIT_TESTS:%=$(H)/%)
fuzzers: $(FUZZERS:%=$(H)/%) $(SOAKS:%=$(H)/%) $(RANDOMS:%=$(H)/%)

-include $(patsubst %.o,%.d,$(THREAD_OBJECTS) $(THREADS:%=$(H)/tsan/tests/threads/%.c.o) \
    $(UNIT_OBJECTS) $(FUZZ_OBJECTS) \
    $(UNIT_TESTS:%=$(H)/gcc/tests/unit/%.c.o) $(FUZZERS:%=$(H)/clang/tests/fuzz/%.c.o) \
    $(M32_OBJECTS) $(foreach folder,gcc m32,$(patsubst %,$(H)/$(folder)/%.o,$(SEEDED) \
    $(RANDOM:random_%=tests/fuzz/fuzz_%.c))) $(SOAK_OBJECTS) $(COVERAGE_OBJECTS) $(SOAKS:%=$(H)/soak/tests/fuzz/%.c.o) \
    $(SOAKS:%=$(H)/coverage/tests/fuzz/%.c.o))
