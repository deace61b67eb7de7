//! The operations of a pickle, one after another.

use super::machine::{Id, Machine, Value};
use crate::error::Result;

impl Machine<'_> {
    /// The value of a pickle that asks for nothing outside the list.
    pub(super) fn plain(&mut self) -> Result<Id> {
        let result = self.run();
        self.foreign.take().map_or(result, Err)
    }

    /// The value that the operations make.
    pub(super) fn run(&mut self) -> Result<Id> {
        const STOP: u8 = b'.';
        loop {
            self.spend(1)?;
            match self.take(1)?[0] {
                STOP => return self.pop(),
                operation => self.operation(operation)?,
            }
        }
    }

    fn operation(&mut self, operation: u8) -> Result<()> {
        match operation {
            0x80 => drop(self.take(1)?),               // PROTO
            0x95 => drop(self.take(8)?),               // FRAME
            b'(' => self.marks.push(self.stack.len()), // MARK
            0x90 => self.add_items()?,                 // ADDITEMS
            0x91 => {
                self.pop_mark()?; // FROZENSET
                self.make(Value::Other);
            }
            b'q' | b'r' => {
                let index = self.number(if operation == b'q' { 1 } else { 4 })? as u32; // BINPUT, LONG_BINPUT
                self.memoize(index)?;
            }
            0x94 => self.memoize(self.memo.len() as u32)?, // MEMOIZE
            b'h' | b'j' => {
                let index = self.number(if operation == b'h' { 1 } else { 4 })? as u32; // BINGET, LONG_BINGET
                self.recall(index)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?); // GLOBAL
                self.find_global(module, name);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?); // STACK_GLOBAL
                let (Some(module), Some(name)) = (self.text(module), self.text(name)) else {
                    return Err(self.wrong("a global without a name"));
                };
                self.find_global(module, name);
            }
            b't' => {
                let items = self.pop_mark()?; // TUPLE
                self.make(Value::Tuple(items));
            }
            0x85..=0x87 => {
                let mut items = Vec::with_capacity(3); // TUPLE1, TUPLE2, TUPLE3
                for _ in 0..operation - 0x84 {
                    items.push(self.pop()?);
                }
                items.reverse();
                self.make(Value::Tuple(items));
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?); // SETITEM
                self.set_items(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_mark()?; // SETITEMS
                self.set_items(&items)?;
            }
            b'a' => {
                let item = self.pop()?; // APPEND
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_mark()?; // APPENDS
                self.append(&items)?;
            }
            b'R' | 0x81 => self.reduce()?, // REDUCE, NEWOBJ
            0x92 => {
                self.pop()?; // NEWOBJ_EX: arguments by name are for names outside the list alone
                self.reduce()?;
            }
            b'b' => self.build()?,          // BUILD: attributes such as _metadata
            b'Q' => self.persistent()?,     // BINPERSID
            b'0' => drop(self.pop()?),      // POP
            b'1' => drop(self.pop_mark()?), // POP_MARK
            b'2' => {
                let top = self.top()?; // DUP
                self.stack.push(top);
            }
            other => self.literal(other)?,
        }
        Ok(())
    }

    /// The operations that make a value of nothing but themselves.
    fn literal(&mut self, operation: u8) -> Result<()> {
        match operation {
            b'}' => self.make(Value::Dict(Vec::new())),               // EMPTY_DICT
            b']' => self.make(Value::List(Vec::new())),               // EMPTY_LIST
            b')' => self.make(Value::Tuple(Vec::new())),              // EMPTY_TUPLE
            b'N' => self.make(Value::None),                           // NONE
            0x88 | 0x89 => self.make(Value::Bool(operation == 0x88)), // NEWTRUE, NEWFALSE
            b'K' | b'M' => {
                let number = self.number(if operation == b'K' { 1 } else { 2 })?; // BININT1, BININT2
                self.make(Value::Int(number as i64));
            }
            b'J' => {
                let number = self.number(4)? as u32 as i32; // BININT
                self.make(Value::Int(i64::from(number)));
            }
            0x8a | 0x8b => {
                let length = self.number(if operation == 0x8a { 1 } else { 4 })?; // LONG1, LONG4
                self.whole_number(length)?;
            }
            b'G' => {
                self.take(8)?; // BINFLOAT
                self.make(Value::Other);
            }
            b'X' | b'T' | 0x8c | b'U' | 0x8d => {
                // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8; BINSTRING and SHORT_BINSTRING of Python 2
                let length = self.number(match operation {
                    b'X' | b'T' => 4,
                    0x8d => 8,
                    _ => 1,
                })?;
                self.words(length)?;
            }
            b'B' | b'C' | 0x8e | 0x96 => {
                // BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
                let length = self.number(match operation {
                    b'B' => 4,
                    b'C' => 1,
                    _ => 8,
                })?;
                self.take(length)?;
                self.make(Value::Other);
            }
            0x8f => self.make(Value::Other), // EMPTY_SET
            other => return Err(self.wrong(format!("operation 0x{other:02x} is no part of a plain checkpoint"))),
        }
        Ok(())
    }
}
