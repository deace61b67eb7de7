//! The part of Python's pickle that a checkpoint needs, and nothing else. Globals are compared with a list of exact
//! names; nothing is ever called.

use std::collections::HashMap;

use crate::error::{Code, Error, Result};

/// Operations before reading is given up.
const MAX_OPERATIONS: usize = 1_000_000;
/// Depth of nested values.
const MAX_DEPTH: usize = 64;
/// Tensors in one checkpoint.
const MAX_TENSORS: usize = 20_000;

/// The type of the numbers of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageKind {
    /// 32-bit floating point.
    Float,
    /// 16-bit floating point, IEEE.
    Half,
    /// 16-bit floating point, bfloat.
    BFloat16,
    /// 64-bit floating point.
    Double,
    /// 64-bit whole numbers.
    Long,
    /// 32-bit whole numbers.
    Int,
    /// 16-bit whole numbers.
    Short,
    /// 8-bit whole numbers with a sign.
    Char,
    /// 8-bit whole numbers without.
    Byte,
    /// True or false, a byte each.
    Bool,
}

impl StorageKind {
    /// Bytes of one number.
    pub fn bytes(self) -> u64 {
        match self {
            StorageKind::Char | StorageKind::Byte | StorageKind::Bool => 1,
            StorageKind::Half | StorageKind::BFloat16 | StorageKind::Short => 2,
            StorageKind::Float | StorageKind::Int => 4,
            StorageKind::Double | StorageKind::Long => 8,
        }
    }
}

/// A tensor as the pickle describes it: a view of a storage, counted in numbers, not yet checked against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorRecord {
    /// Type of the numbers.
    pub kind: StorageKind,
    /// Name of the storage.
    pub storage: String,
    /// Numbers in the storage.
    pub storage_count: u64,
    /// First number.
    pub offset: i64,
    /// Shape.
    pub shape: Vec<i64>,
    /// Steps along each side.
    pub strides: Vec<i64>,
}

#[derive(Debug, Clone)]
enum Value {
    None,
    Bool(bool),
    Int(i64),
    Text(String),
    Global(Global),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Storage { kind: StorageKind, name: String, count: u64 },
    Tensor(TensorRecord),
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Global {
    /// A table, whatever its kind.
    Table,
    /// Only as the argument of a table that has defaults.
    TableType,
    RebuildTensor,
    RebuildParameter,
    Storage(StorageKind),
}

fn global(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict" | "defaultdict") => Global::Table,
        ("builtins" | "__builtin__", "dict") => Global::TableType,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
        ("torch" | "torch.cuda", storage) => Global::Storage(match storage {
            "FloatStorage" => StorageKind::Float,
            "HalfStorage" => StorageKind::Half,
            "BFloat16Storage" => StorageKind::BFloat16,
            "DoubleStorage" => StorageKind::Double,
            "LongStorage" => StorageKind::Long,
            "IntStorage" => StorageKind::Int,
            "ShortStorage" => StorageKind::Short,
            "CharStorage" => StorageKind::Char,
            "ByteStorage" => StorageKind::Byte,
            "BoolStorage" => StorageKind::Bool,
            _ => return None,
        }),
        _ => return None,
    })
}

/// What a pickle of tensors says.
#[derive(Debug)]
pub struct Described {
    /// The tensors of the `state_dict` by name; one level of `state_dict` or `model` around them is opened.
    pub tensors: Vec<(String, TensorRecord)>,
    /// Every storage that the pickle names, those of other tables too: kind and count of its numbers.
    pub storages: HashMap<String, (StorageKind, u64)>,
    /// Bytes of the pickle.
    pub length: usize,
}

/// Reads the pickle at the beginning of `bytes`.
///
/// # Errors
/// [`Code::Checkpoint`] with the offset of whatever is not part of a plain checkpoint.
pub fn describe(bytes: &[u8]) -> Result<Described> {
    let mut machine = Machine::new(bytes);
    let Value::Dict(entries) = machine.run()? else {
        return Err(Error::new(Code::Checkpoint, "holds no table of tensors (a state_dict)"));
    };
    let named: Vec<(String, Value)> = entries
        .into_iter()
        .filter_map(|(key, value)| if let Value::Text(key) = key { Some((key, value)) } else { None })
        .collect();
    let nested = |(key, value): &(String, Value)| {
        ["state_dict", "model"].contains(&key.as_str()) && matches!(value, Value::Dict(_))
    };
    let keys: Vec<String> = named.iter().map(|(key, _)| key.clone()).collect();
    let mut inner: Vec<(String, Value)> = named.iter().filter(|entry| nested(entry)).cloned().collect();
    let tensors = match (inner.pop(), inner.len()) {
        (None, _) => collect(named.into_iter(), &keys)?,
        (Some((_, Value::Dict(entries))), 0) => {
            let named = entries
                .into_iter()
                .filter_map(|(key, value)| if let Value::Text(key) = key { Some((key, value)) } else { None });
            collect(named, &keys)?
        }
        _ => {
            let found =
                format!("holds both a state_dict and a model; which one is meant is not clear among {}", few(&keys));
            return Err(Error::new(Code::Checkpoint, found).hint("save only the one that is meant"));
        }
    };
    Ok(Described { tensors, storages: machine.storages, length: machine.at })
}

/// The texts of a pickled list, and the bytes that it takes: the names of the storages in the old form.
///
/// # Errors
/// [`Code::Checkpoint`] if it is no such list.
pub fn texts(bytes: &[u8]) -> Result<(Vec<String>, usize)> {
    let mut machine = Machine::new(bytes);
    let Value::List(items) = machine.run()? else { return Err(machine.wrong("no list of storages")) };
    let texts = items.into_iter().map(|item| if let Value::Text(text) = item { Some(text) } else { None });
    let texts: Option<Vec<String>> = texts.collect();
    Ok((texts.ok_or_else(|| machine.wrong("a storage without a name"))?, machine.at))
}

/// What the old form says of the machine that wrote it: whether its numbers are little-endian; and the bytes that it takes.
///
/// # Errors
/// [`Code::Checkpoint`] if it is no such table.
pub fn little_endian(bytes: &[u8]) -> Result<(bool, usize)> {
    let mut machine = Machine::new(bytes);
    let Value::Dict(facts) = machine.run()? else { return Err(machine.wrong("no table about the machine")) };
    let little = facts.iter().find_map(|(key, value)| match (key, value) {
        (Value::Text(key), Value::Bool(little)) if key == "little_endian" => Some(*little),
        _ => None,
    });
    Ok((little.ok_or_else(|| machine.wrong("nothing about the order of bytes"))?, machine.at))
}

fn few(names: &[String]) -> String {
    match names.len() {
        0..=6 => names.join(", "),
        count => format!("{}, … ({count} in all)", names[..5].join(", ")),
    }
}

fn collect(entries: impl Iterator<Item = (String, Value)>, keys: &[String]) -> Result<Vec<(String, TensorRecord)>> {
    let found: Vec<(String, TensorRecord)> = entries
        .filter_map(|(key, value)| if let Value::Tensor(record) = value { Some((key, record)) } else { None })
        .collect();
    match found.len() {
        0 => Err(Error::new(Code::Checkpoint, format!("holds no tensor; its keys are {}", few(keys)))
            .hint("save the network's own table: torch.save(model.state_dict(), path)")),
        count if count > MAX_TENSORS => Err(Error::new(Code::Limit, format!("{count} tensors, at most {MAX_TENSORS}"))),
        _ => Ok(found),
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    /// Values copied out of the memo; a bound on the memory that a hostile file can ask for.
    copied: usize,
    storages: HashMap<String, (StorageKind, u64)>,
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Machine {
            bytes,
            at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            copied: 0,
            storages: HashMap::new(),
        }
    }

    fn wrong(&self, what: impl Into<String>) -> Error {
        Error::new(Code::Checkpoint, what).place(format!("pickle offset {}", self.at))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or_else(|| self.wrong("the pickle is cut"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<u64> {
        let mut wide = [0u8; 8];
        wide[..bytes].copy_from_slice(self.take(bytes)?);
        Ok(u64::from_le_bytes(wide))
    }

    fn line(&mut self) -> Result<String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| self.wrong("the pickle is cut"))?;
        self.at += end + 1;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn text(&mut self, length: u64) -> Result<Value> {
        let length = usize::try_from(length).map_err(|_| self.wrong("the pickle is cut"))?;
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map(Value::Text).map_err(|_| self.wrong("a text that is not UTF-8"))
    }

    fn pop(&mut self) -> Result<Value> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(self.wrong("the pickle takes a value that is not there"));
        }
        self.stack.pop().ok_or_else(|| self.wrong("the pickle takes a value that is not there"))
    }

    fn pop_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.marks.pop().ok_or_else(|| self.wrong("no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn top(&mut self) -> Result<&mut Value> {
        let error = self.wrong("the pickle changes a value that is not there");
        self.stack.last_mut().ok_or(error)
    }

    fn push(&mut self, value: Value) -> Result<()> {
        if depth(&value) > MAX_DEPTH {
            return Err(self.wrong(format!("values nested deeper than {MAX_DEPTH}")));
        }
        self.stack.push(value);
        Ok(())
    }

    fn memoize(&mut self, index: u32) -> Result<()> {
        let value = self.top()?.clone();
        self.count(&value)?;
        self.memo.insert(index, value);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<()> {
        let value = self.memo.get(&index).cloned().ok_or_else(|| self.wrong(format!("no memo {index}")))?;
        self.count(&value)?;
        self.push(value)
    }

    /// Tables are memoised while they are empty; anything large that is copied again and again is an attack.
    fn count(&mut self, value: &Value) -> Result<()> {
        self.copied += size(value);
        if self.copied > 4 * MAX_OPERATIONS {
            return Err(self.wrong("the pickle copies too many values"));
        }
        Ok(())
    }

    fn set_items(&mut self, items: Vec<Value>) -> Result<()> {
        if !items.len().is_multiple_of(2) {
            return Err(self.wrong("a key without a value"));
        }
        let error = self.wrong("keys for something that is no table");
        let Value::Dict(entries) = self.top()? else { return Err(error) };
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        Ok(())
    }

    fn append(&mut self, items: Vec<Value>) -> Result<()> {
        let error = self.wrong("items for something that is no list");
        let Value::List(list) = self.top()? else { return Err(error) };
        list.extend(items);
        Ok(())
    }

    fn find_global(&mut self, module: &str, name: &str) -> Result<()> {
        let found = global(module, name).ok_or_else(|| {
            self.wrong(format!("asks for {module}.{name}, which is no part of a plain checkpoint"))
                .hint("save only the state_dict of the network: torch.save(model.state_dict(), path)")
        })?;
        self.push(Value::Global(found))
    }

    fn reduce(&mut self) -> Result<()> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let (Value::Global(callee), Value::Tuple(arguments)) = (callee, arguments) else {
            return Err(self.wrong("calls something that is no function of a plain checkpoint"));
        };
        let value = match (callee, &arguments[..]) {
            (Global::Table, [] | [Value::Global(Global::TableType)]) => Value::Dict(Vec::new()),
            (
                Global::RebuildTensor,
                [
                    Value::Storage { kind, name, count },
                    Value::Int(offset),
                    Value::Tuple(shape),
                    Value::Tuple(strides),
                    ..,
                ],
            ) => {
                let integers = |values: &[Value]| -> Option<Vec<i64>> {
                    values
                        .iter()
                        .map(|value| if let Value::Int(number) = value { Some(*number) } else { None })
                        .collect()
                };
                let (shape, strides) = integers(shape)
                    .zip(integers(strides))
                    .filter(|(shape, strides)| shape.len() == strides.len() && shape.len() <= 8)
                    .ok_or_else(|| self.wrong("a tensor whose shape is not understood"))?;
                let (kind, storage, storage_count, offset) = (*kind, name.clone(), *count, *offset);
                Value::Tensor(TensorRecord { kind, storage, storage_count, offset, shape, strides })
            }
            (Global::RebuildParameter, [Value::Tensor(record), ..]) => Value::Tensor(record.clone()),
            _ => return Err(self.wrong("a call whose arguments are not understood")),
        };
        self.push(value)
    }

    fn persistent(&mut self) -> Result<()> {
        let Value::Tuple(parts) = self.pop()? else { return Err(self.wrong("a storage that is not understood")) };
        // The old form has one more: what part of another storage it is, which is nothing where it is its own.
        let parts = match &parts[..] {
            [parts @ .., Value::None] if parts.len() == 5 => parts,
            parts => parts,
        };
        let [
            Value::Text(tag),
            Value::Global(Global::Storage(kind)),
            Value::Text(name),
            Value::Text(_),
            Value::Int(count),
        ] = parts
        else {
            return Err(self.wrong("a storage that is not understood"));
        };
        let plain = !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if tag != "storage" || *count < 0 || !plain {
            return Err(self.wrong("a storage that is not understood"));
        }
        let (kind, name, count) = (*kind, name.clone(), *count as u64);
        if *self.storages.entry(name.clone()).or_insert((kind, count)) != (kind, count) {
            return Err(self.wrong(format!("storage {name} has two sizes or types")));
        }
        if self.storages.len() > MAX_TENSORS {
            return Err(self.wrong(format!("more than {MAX_TENSORS} storages")));
        }
        self.push(Value::Storage { kind, name, count })
    }

    fn run(&mut self) -> Result<Value> {
        for _ in 0..MAX_OPERATIONS {
            let operation = self.take(1)?[0];
            match operation {
                0x80 => drop(self.take(1)?),                               // PROTO
                0x95 => drop(self.take(8)?),                               // FRAME
                b'(' => self.marks.push(self.stack.len()),                 // MARK
                b'.' => return self.pop(),                                 // STOP
                b'}' => self.push(Value::Dict(Vec::new()))?,               // EMPTY_DICT
                b']' => self.push(Value::List(Vec::new()))?,               // EMPTY_LIST
                b')' => self.push(Value::Tuple(Vec::new()))?,              // EMPTY_TUPLE
                b'N' => self.push(Value::None)?,                           // NONE
                0x88 | 0x89 => self.push(Value::Bool(operation == 0x88))?, // NEWTRUE, NEWFALSE
                b'K' => {
                    let number = self.number(1)?; // BININT1
                    self.push(Value::Int(number as i64))?;
                }
                b'M' => {
                    let number = self.number(2)?; // BININT2
                    self.push(Value::Int(number as i64))?;
                }
                b'J' => {
                    let number = self.number(4)? as u32 as i32; // BININT
                    self.push(Value::Int(i64::from(number)))?;
                }
                0x8a => {
                    let length = self.number(1)? as usize; // LONG1
                    let digits = self.take(length)?;
                    let negative = digits.last().is_some_and(|digit| digit & 0x80 != 0);
                    let mut wide = if negative { [0xFF; 8] } else { [0; 8] };
                    if length > 8 {
                        return Err(self.wrong("a whole number of more than 64 bits"));
                    }
                    wide[..length].copy_from_slice(digits);
                    self.push(Value::Int(i64::from_le_bytes(wide)))?;
                }
                b'G' => {
                    self.take(8)?; // BINFLOAT
                    self.push(Value::Other)?;
                }
                b'X' | b'T' => {
                    let length = self.number(4)?; // BINUNICODE, and BINSTRING of Python 2
                    let text = self.text(length)?;
                    self.push(text)?;
                }
                0x8c | b'U' => {
                    let length = self.number(1)?; // SHORT_BINUNICODE, and SHORT_BINSTRING of Python 2
                    let text = self.text(length)?;
                    self.push(text)?;
                }
                b'q' => {
                    let index = self.number(1)? as u32; // BINPUT
                    self.memoize(index)?;
                }
                b'r' => {
                    let index = self.number(4)? as u32; // LONG_BINPUT
                    self.memoize(index)?;
                }
                0x94 => self.memoize(self.memo.len() as u32)?, // MEMOIZE
                b'h' => {
                    let index = self.number(1)? as u32; // BINGET
                    self.recall(index)?;
                }
                b'j' => {
                    let index = self.number(4)? as u32; // LONG_BINGET
                    self.recall(index)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?); // GLOBAL
                    self.find_global(&module, &name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?); // STACK_GLOBAL
                    let (Value::Text(module), Value::Text(name)) = (module, name) else {
                        return Err(self.wrong("a global without a name"));
                    };
                    self.find_global(&module, &name)?;
                }
                b't' => {
                    let items = self.pop_mark()?; // TUPLE
                    self.push(Value::Tuple(items))?;
                }
                0x85..=0x87 => {
                    let mut items = Vec::new(); // TUPLE1, TUPLE2, TUPLE3
                    for _ in 0..operation - 0x84 {
                        items.insert(0, self.pop()?);
                    }
                    self.push(Value::Tuple(items))?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?); // SETITEM
                    self.set_items(vec![key, value])?;
                }
                b'u' => {
                    let items = self.pop_mark()?; // SETITEMS
                    self.set_items(items)?;
                }
                b'a' => {
                    let item = self.pop()?; // APPEND
                    self.append(vec![item])?;
                }
                b'e' => {
                    let items = self.pop_mark()?; // APPENDS
                    self.append(items)?;
                }
                b'R' => self.reduce()?,     // REDUCE
                b'b' => drop(self.pop()?),  // BUILD: attributes such as _metadata
                b'Q' => self.persistent()?, // BINPERSID
                other => return Err(self.wrong(format!("operation 0x{other:02x} is no part of a plain checkpoint"))),
            }
        }
        Err(self.wrong(format!("more than {MAX_OPERATIONS} operations")))
    }
}

/// Depth of a value, counted no further than the limit.
fn depth(value: &Value) -> usize {
    fn below(value: &Value, left: usize) -> usize {
        if left == 0 {
            return 1;
        }
        let inner = match value {
            Value::Tuple(items) | Value::List(items) => items.iter().map(|item| below(item, left - 1)).max(),
            Value::Dict(_) => None,
            _ => None,
        };
        1 + inner.unwrap_or(0)
    }
    below(value, MAX_DEPTH + 1)
}

fn size(value: &Value) -> usize {
    match value {
        Value::Tuple(items) | Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Dict(entries) => 1 + entries.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>(),
        Value::Text(text) => 1 + text.len() / 64,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_the_system_is_refused_by_name() {
        let error = describe(b"cos\nsystem\n(X\x02\x00\x00\x00lstR.").unwrap_err();
        assert!(error.to_string().contains("asks for os.system"), "{error}");
    }

    #[test]
    fn a_cut_pickle_is_refused() {
        assert!(describe(b"\x80\x02}q").unwrap_err().to_string().contains("cut"));
        assert!(describe(b"\x80\x02.").unwrap_err().to_string().contains("not there"));
    }

    #[test]
    fn a_memo_bomb_is_refused() {
        let mut bytes = b"\x80\x02]q\x00".to_vec();
        for _ in 0..40 {
            bytes.extend(b"h\x00h\x00\x86q\x00");
        }
        bytes.push(b'.');
        let error = describe(&bytes).unwrap_err();
        assert!(error.to_string().contains("copies too many"), "{error}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let mut bytes = b"\x80\x02N".to_vec();
        bytes.extend([0x85; 200]);
        bytes.push(b'.');
        assert!(describe(&bytes).unwrap_err().to_string().contains("nested deeper"));
    }
}
