#include "go_asm.h"
#include "textflag.h"

// The passes of one stripe, as in coding.go. Registers that live from sample to sample:
//
//	DX  A << 16          SI   flags of the column       R10  its flags, as they become
//	BX  C << 16          DI   *blockDecoder             R12  samples that are left
//	CX  bits of C left                                  R13  3i
//
// R11 is the context of a symbol; AX, BP, R8, R9, R14 and R15 hold what is soon
// forgotten.

#define CONTEXT (blockDecoder_mq+mq_context)
#define A (blockDecoder_mq+mq_registers+registers_a)
#define C (blockDecoder_mq+mq_registers+registers_c)
#define LEFT (blockDecoder_mq+mq_registers+registers_left)
#define CODE (blockDecoder_mq+mq_code)
#define AT (blockDecoder_mq+mq_at)
#define BEYOND (blockDecoder_mq+mq_beyond)
#define AFTER (blockDecoder_mq+mq_after)

#define end 0(SP)
#define sign 8(SP)
#define kept 16(SP)
#define line 24(SP)
#define twice kept

// BEGIN loads what all passes need.
#define BEGIN \
	MOVQ  b+0(FP), DI          \
	MOVQ  flags+8(FP), SI      \
	MOVQ  A(DI), DX            \
	MOVQ  C(DI), BX            \
	MOVQ  LEFT(DI), CX         \
	MOVQ  blockDecoder_w(DI), AX \
	LEAQ  (SI)(AX*8), BP       \
	MOVQ  BP, end              \
	SHLQ  $2, AX               \
	MOVQ  AX, line

#define END \
	MOVQ DX, A(DI)    \
	MOVQ BX, C(DI)    \
	MOVQ CX, LEFT(DI) \
	RET

// NEXT goes to the next column.
#define NEXT(column) \
	ADDQ $8, SI  \
	ADDQ $4, data+16(FP) \
	CMPQ SI, end \
	JCS  column

// DECODE decodes a symbol (mq.bit) into the highest bit of AX. The state after it
// is the one after the less probable symbol, after the other one, or the same. Where
// too few bits are left, mq.fill begins at again.
#define DECODE(again, single, last, stuffed, test, done) \
	MOVQ    CONTEXT(DI)(R11*8), AX      \
	MOVWLZX (CONTEXT+4)(DI)(R11*8), R9  \
	MOVL    AX, BP                 \
	SUBQ    BP, DX                 \
	MOVQ    AFTER(DI)(R9*1), R14   \
	MOVQ    (AFTER+8)(DI)(R9*1), R9 \
	TESTL   DX, DX                 \
	CMOVQMI AX, R14                \
	MOVQ    DX, R8                 \
	SUBQ    BP, R8                 \
	MOVQ    BX, R15                \
	SUBQ    BP, R15                \
	CMOVQPL R15, BX                \
	CMOVQMI BP, DX                 \
	XORQ    R8, R15                \
	CMOVQMI R9, R14                \
	XORQ    R15, AX                \
	LZCNTL  DX, R8                 \
	MOVQ    R14, CONTEXT(DI)(R11*8) \
	SHLXQ   R8, DX, DX             \
	SHLXQ   R8, BX, BX             \
	SUBQ    R8, CX                 \
	JPL     done                   \
again:                           \
	MOVQ    CODE(DI), R9           \
	ADDQ    AT(DI), R9             \
	MOVQ    CX, R15                \
	NEGQ    R15                    \
	MOVBLZX 1(R9), R14             \
	CMPB    (R9), $0xFF            \
	JEQ     last                   \
	CMPL    R14, $0xFF             \
	JEQ     single                 \
	MOVBLZX 2(R9), BP              \
	SHLL    $8, R14                \
	ORL     BP, R14                \
	SHLXQ   R15, R14, R14          \
	ADDQ    R14, BX                \
	ADDQ    $16, CX                \
	ADDQ    $2, AT(DI)             \
	JMP     done                   \
single:                          \
	MOVL    $0xFF00, R14           \
	SHLXQ   R15, R14, R14          \
	ADDQ    R14, BX                \
	ADDQ    $8, CX                 \
	INCQ    AT(DI)                 \
	JMP     test                   \
last:                            \
	CMPL    R14, $0x8F             \
	JLS     stuffed                \
	MOVL    $0xFF00, R14           \
	SHLXQ   R15, R14, R14          \
	ADDQ    R14, BX                \
	ADDQ    $8, CX                 \
	INCQ    BEYOND(DI)             \
	JMP     test                   \
stuffed:                         \
	SHLL    $9, R14                \
	SHLXQ   R15, R14, R14          \
	ADDQ    R14, BX                \
	ADDQ    $7, CX                 \
	INCQ    AT(DI)                 \
test:                            \
	TESTQ   CX, CX                 \
	JMI     again                  \
done:

// FIRST takes the first of the samples that are left.
#define FIRST \
	TZCNTQ R12, R13 \
	BLSRQ  R12, R12

// ZERO is the context of significance of a sample.
#define ZERO \
	SHRXQ   R13, R10, R11             \
	ANDL    $0x1FF, R11               \
	MOVQ    blockDecoder_zero(DI), AX \
	MOVBLZX (AX)(R11*1), R11

// SIGN is blockDecoder.sign before its symbol, and SIGNED what comes after it.
#define SIGN \
	MOVQ    R10, AX                \
	ORQ     sign, AX               \
	SHRXQ   R13, AX, AX            \
	MOVL    AX, BP                 \
	ANDL    $0xAA, BP              \
	SHRQ    $18, AX                \
	ANDL    $0x41, AX              \
	ORL     AX, BP                 \
	MOVQ    -8(SI), AX             \
	SHRXQ   R13, AX, AX            \
	SHRQ    $19, AX                \
	ANDL    $4, AX                 \
	ORL     AX, BP                 \
	MOVQ    8(SI), AX              \
	SHRXQ   R13, AX, AX            \
	SHRQ    $17, AX                \
	ANDL    $16, AX                \
	ORL     AX, BP                 \
	LEAQ    ·signContexts(SB), AX  \
	MOVBLZX (AX)(BP*1), R11        \
	MOVQ    R11, kept              \
	ANDL    $31, R11

#define SIGNED \
	MOVQ   kept, R11         \
	SHRQ   $7, R11           \
	SHRQ   $63, AX           \
	XORQ   R11, AX           \
	OFFSET                   \
	MOVL   AX, BP            \
	SHLL   $31, BP           \
	ORL    value+32(FP), BP  \
	MOVQ   data+16(FP), R8   \
	MOVL   BP, (R8)(R11*1)   \
	SHLQ   $21, AX           \
	SHLXQ  R13, AX, AX       \
	ORQ    AX, sign          \
	LEAQ   const_own(R13), AX \
	BTSQ   AX, R10

// LIST adds sample i/3 of a column to the list, if R12 has it.
#define LIST(i, place) \
	LEAQ  place, AX     \
	MOVQ  R10, BP       \
	SHRL  $i, BP        \
	ANDL  $3, BP        \
	ORL   BP, AX        \
	MOVL  AX, (R8)      \
	MOVQ  R12, BP       \
	SHRL  $i, BP        \
	ANDL  $1, BP        \
	LEAQ  (R8)(BP*4), R8

// OFFSET is blockDecoder.offset, in bytes, into R11.
#define OFFSET \
	IMUL3L $11, R13, R11 \
	SHRL   $5, R11       \
	IMULQ  line, R11

// MARK tells neighbours (blockDecoder.mark) of the samples that are in R10.
#define MARK(below, marked) \
	MOVQ  R10, AX                   \
	SHLQ  $5, AX                    \
	ORQ   AX, -8(SI)                \
	MOVQ  R10, AX                   \
	SHLQ  $3, AX                    \
	ORQ   AX, 8(SI)                 \
	MOVQ  blockDecoder_line(DI), R15 \
	SHLQ  $3, R15                   \
	TESTQ blockDecoder_top(DI), R10 \
	JEQ   below                     \
	MOVQ  SI, R14                   \
	SUBQ  R15, R14                  \
	MOVQ  sign, AX                  \
	SHRQ  $21, AX                   \
	ANDL  $1, AX                    \
	SHLQ  $33, AX                   \
	ORQ   $(2<<15), AX              \
	ORQ   AX, (R14)                 \
	ORQ   $(4<<15), -8(R14)         \
	ORQ   $(1<<15), 8(R14)          \
below:                            \
	TESTL $(1<<9), R10              \
	JEQ   marked                    \
	ADDQ  SI, R15                   \
	MOVQ  sign, AX                  \
	SHRQ  $(30-18), AX              \
	ANDL  $(1<<18), AX              \
	ORQ   $2, AX                    \
	ORQ   AX, (R15)                 \
	ORQ   $4, -8(R15)               \
	ORQ   $1, 8(R15)                \
marked:

// func significanceFast(b *blockDecoder, flags *uint64, data *int32, rows uint64, value int32)
TEXT ·significanceFast(SB), NOSPLIT, $32-36
	BEGIN

column:
	MOVQ  (SI), R10
	TESTL $const_anySig, R10
	JEQ   next
	MOVQ  R10, AX
	SHRQ  $1, AX
	ORQ   R10, AX
	MOVQ  R10, BP
	SHRQ  $2, BP
	ORQ   BP, AX
	MOVQ  AX, R12
	SHRQ  $3, AX
	ORQ   AX, R12
	SHRQ  $3, AX
	ORQ   AX, R12
	MOVQ  R10, BP
	SHRQ  $const_own, BP
	ANDNQ R12, BP, R12
	ANDQ  rows+24(FP), R12
	JEQ   next
	MOVQ  $0, sign

sample:
	FIRST
	LEAQ  const_flagSeen(R13), AX
	BTSQ  AX, R10
	ZERO
	DECODE(again0, single0, last0, stuffed0, test0, done0)
	TESTQ AX, AX
	JPL   more
	SIGN
	DECODE(again1, single1, last1, stuffed1, test1, done1)
	SIGNED

	// The sample below has a neighbour now.
	MOVL  $8, AX
	SHLXQ R13, AX, AX
	MOVQ  R10, BP
	SHRQ  $const_own, BP
	ANDNQ AX, BP, AX
	ANDQ  rows+24(FP), AX
	ORQ   AX, R12

more:
	TESTQ R12, R12
	JNE   sample
	MOVQ  (SI), AX
	MOVQ  R10, BP
	ORQ   sign, BP
	MOVQ  BP, (SI)
	ANDNQ R10, AX, R10
	SHRQ  $const_own, R10
	ANDL  $const_eachRow, R10
	JEQ   next
	MARK(below, marked)

next:
	NEXT(column)
	END

// func refineFast(b *blockDecoder, flags *uint64, data *int32, rows uint64, value int32)
//
// First every sample that the pass has goes into a list, as its place in bytes with
// its context in the lowest two bits: a loop over columns would jump where nobody
// foretells it.
TEXT ·refineFast(SB), NOSPLIT, $32-36
	BEGIN
	MOVQ blockDecoder_list(DI), R8 // end of the list
	XORL R9, R9                    // place of the column
	MOVQ line, R14
	LEAQ (R14)(R14*2), R15

column:
	MOVQ  (SI), R10
	MOVQ  R10, R12
	SHRQ  $const_own, R12
	MOVQ  R10, AX
	SHRQ  $const_flagSeen, AX
	ANDNQ R12, AX, R12
	ANDQ  rows+24(FP), R12
	JEQ   next
	MOVQ  R12, AX
	SHLQ  $const_flagFined, AX
	ORQ   R10, AX
	MOVQ  AX, (SI)

	// Of every sample in bits 3i and 3i+1: which of its contexts it has.
	MOVQ  R10, AX
	SHRQ  $2, AX
	ORQ   R10, AX
	MOVQ  R10, BP
	SHRQ  $1, BP
	ORQ   AX, BP
	SHRQ  $3, AX
	ORQ   BP, AX
	SHRQ  $6, BP
	ORQ   BP, AX
	SHRQ  $const_flagFined, R10
	ANDNQ AX, R10, AX
	ANDL  $const_eachRow, AX
	ANDL  $const_eachRow, R10
	LEAQ  (AX)(R10*2), R10

	LIST(0, (R9))
	LIST(3, (R9)(R14*1))
	LIST(6, (R9)(R14*2))
	LIST(9, (R9)(R15*1))

next:
	ADDQ $8, SI
	ADDQ $4, R9
	CMPQ SI, end
	JCS  column

	MOVQ blockDecoder_list(DI), R10
	MOVQ R8, R13
	CMPQ R10, R13
	JCC  all
	MOVQ data+16(FP), SI
	MOVL value+32(FP), AX
	ADDL AX, AX
	MOVL AX, twice

sample:
	MOVL (R10), R12
	ADDQ $4, R10
	MOVL R12, R11
	ANDL $3, R11
	SUBL R11, R12
	ADDL $const_contextRefine, R11
	DECODE(again, single, last, stuffed, test, done)
	SARQ $63, AX
	ANDL twice, AX
	SUBL value+32(FP), AX
	ADDL AX, (SI)(R12*1)
	CMPQ R10, R13
	JCS  sample

all:
	END

// func cleanupFast(b *blockDecoder, flags *uint64, data *int32, rows uint64, value int32)
TEXT ·cleanupFast(SB), NOSPLIT, $32-36
	BEGIN

column:
	MOVQ  (SI), R10
	MOVQ  R10, AX
	SHRQ  $const_own, AX
	MOVQ  R10, BP
	SHRQ  $const_flagSeen, BP
	ORQ   BP, AX
	ANDNQ rows+24(FP), AX, R12
	MOVQ  $0, sign
	MOVQ  $(const_anySig|const_eachRow<<const_flagSeen), AX
	TESTQ R10, AX
	JNE   coded
	CMPQ  R12, $const_eachRow
	JNE   coded
	MOVL  $const_contextRun, R11
	DECODE(again0, single0, last0, stuffed0, test0, done0)
	TESTQ AX, AX
	JPL   next
	MOVL  $const_contextUniform, R11
	DECODE(again1, single1, last1, stuffed1, test1, done1)
	SHRQ  $63, AX
	MOVQ  AX, R13
	DECODE(again2, single2, last2, stuffed2, test2, done2)
	SHRQ  $63, AX
	LEAQ  (AX)(R13*2), R13
	LEAQ  (R13)(R13*2), R13
	MOVQ  $-2, AX
	SHLXQ R13, AX, AX
	ANDQ  AX, R12
	JMP   significant

sample:
	FIRST
	ZERO
	DECODE(again3, single3, last3, stuffed3, test3, done3)
	TESTQ AX, AX
	JPL   coded

significant:
	SIGN
	DECODE(again4, single4, last4, stuffed4, test4, done4)
	SIGNED

coded:
	TESTQ R12, R12
	JNE   sample
	MOVQ  R10, BP
	ORQ   sign, BP
	MOVQ  $(const_eachRow<<const_flagSeen), AX
	ANDNQ BP, AX, BP
	MOVQ  (SI), AX
	MOVQ  BP, (SI)
	ANDNQ R10, AX, R10
	SHRQ  $const_own, R10
	ANDL  $const_eachRow, R10
	JEQ   next
	MARK(below, marked)

next:
	NEXT(column)
	END

// func hasLZCNT() bool: where it is not there, it is BSR.
TEXT ·hasLZCNT(SB), NOSPLIT, $0-1
	MOVL   $1, AX
	LZCNTL AX, AX
	CMPL   AX, $31
	SETEQ  ret+0(FP)
	RET
