//! What a pickle asks for by name, and what is made of it: tables, storages and tensors, and nothing else.

use super::super::words::cut;
use super::globals::{Global, StorageKind, global};
use super::machine::{Id, MAX_ARGUMENTS, MAX_OPERATIONS, MAX_TENSORS, Machine, Storage, TensorRecord, Value};
use crate::error::Result;

impl<'a> Machine<'a> {
    pub(super) fn find_global(&mut self, module: &str, name: &str) {
        let value = match global(module, name) {
            Some(found) => Value::Global(found),
            None => {
                if self.foreign.is_none() {
                    let found = format!("asks for {}.{}", cut(module), cut(name));
                    let error = self.wrong(format!("{found}, which is no part of a plain checkpoint"));
                    self.foreign = Some(if is_of_the_system(module, name) {
                        error.hint("no network needs that to be read: have nothing else load this file, either")
                    } else {
                        error
                    });
                }
                Value::Foreign { network: false }
            }
        };
        self.make(value);
    }

    /// Attributes for the value on top: of a plain value none is needed.
    pub(super) fn build(&mut self) -> Result<()> {
        let (state, made) = (self.pop()?, self.top()?);
        let built = match (self.value(made), self.value(state)) {
            (Value::Unset, Value::Tuple(state)) => {
                let state = state.clone();
                self.spend(state.len())?;
                self.tensor_of(&state)?
            }
            (Value::Foreign { .. }, Value::Dict(entries)) => {
                let network = self.named(entries).any(|(key, _)| key == "_modules");
                let count = entries.len();
                self.spend(count)?;
                Value::Foreign { network }
            }
            _ => return Ok(()),
        };
        self.values[made as usize] = built;
        Ok(())
    }

    /// Calls what stands below the arguments on the stack, by the list alone.
    pub(super) fn reduce(&mut self) -> Result<()> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let value = match (self.value(callee), self.value(arguments)) {
            (Value::Foreign { .. }, _) => Value::Foreign { network: false },
            (Value::Global(callee), Value::Tuple(arguments)) => {
                if arguments.len() > MAX_ARGUMENTS {
                    return Err(self.wrong(format!("a call with {} arguments", arguments.len())));
                }
                let (callee, arguments) = (*callee, arguments.clone());
                self.call(callee, &arguments)?
            }
            _ => return Err(self.wrong("calls something that is no function of a plain checkpoint")),
        };
        self.make(value);
        Ok(())
    }

    pub(super) fn call(&mut self, callee: Global, ids: &[Id]) -> Result<Value<'a>> {
        let arguments: Vec<&Value<'a>> = ids.iter().map(|&argument| self.value(argument)).collect();
        let not_understood = |machine: &Self| machine.wrong("a call whose arguments are not understood");
        match (callee, &arguments[..]) {
            (Global::Table, [] | [Value::Global(Global::TableType)]) | (Global::Counter, _) => {
                Ok(Value::Dict(Vec::new()))
            }
            // As Python 2 wrote it: the table of a list of pairs.
            (Global::Table, [Value::List(_)]) => self.table_of_pairs(ids[0]),
            (Global::Plain, _) => Ok(Value::Other),
            (Global::Size, [Value::Tuple(sides) | Value::List(sides)]) => {
                let sides = sides.clone();
                self.spend(sides.len())?;
                Ok(Value::Tuple(sides))
            }
            (Global::TensorType, []) => Ok(Value::Unset),
            (Global::RebuildTensor, [_, _, _, _, ..]) => self.tensor_of(ids),
            (Global::RebuildTyped, [storage, _, _, _, _, _, Value::Global(Global::NumberType(kind)), ..]) => {
                let (Value::Storage(storage), Some(kind)) = (storage, *kind) else {
                    self.count_tensor()?;
                    return Ok(Value::OtherTensor("a tensor of numbers that no network here has"));
                };
                let mut storage = *storage;
                if storage.kind == StorageKind::Untyped && storage.count % kind.bytes() == 0 {
                    (storage.kind, storage.count) = (kind, storage.count / kind.bytes());
                }
                self.tensor_in(storage, ids)
            }
            (Global::RebuildOther(what), _) => {
                self.count_tensor()?;
                Ok(Value::OtherTensor(what))
            }
            (Global::Parameter, [Value::Tensor(record), ..]) => {
                let record = record.clone();
                self.count_tensor()?;
                Ok(Value::Tensor(record))
            }
            (Global::Parameter, [Value::OtherTensor(what), ..]) => Ok(Value::OtherTensor(what)),
            (Global::RebuildFromType, [Value::Global(inner), _, Value::Tuple(arguments), ..]) => {
                if *inner == Global::RebuildFromType || arguments.len() > MAX_ARGUMENTS {
                    return Err(not_understood(self));
                }
                let (inner, arguments) = (*inner, arguments.clone());
                self.call(inner, &arguments)
            }
            _ if self.foreign.is_some() => Ok(Value::Foreign { network: false }),
            _ => Err(not_understood(self)),
        }
    }

    pub(super) fn table_of_pairs(&mut self, list: Id) -> Result<Value<'a>> {
        let Value::List(pairs) = self.value(list) else {
            return Err(self.wrong("a table of something else than pairs"));
        };
        let mut entries = Vec::new();
        for &pair in pairs {
            let (Value::List(pair) | Value::Tuple(pair)) = self.value(pair) else {
                return Err(self.wrong("a table of something else than pairs"));
            };
            let [key, value] = pair[..] else { return Err(self.wrong("a table of something else than pairs")) };
            entries.push((key, value));
            // As many as the operations left at most, whatever the list is used for again.
            if entries.len() > MAX_OPERATIONS - self.steps {
                break;
            }
        }
        self.spend(entries.len())?;
        Ok(Value::Dict(entries))
    }

    pub(super) fn count_tensor(&mut self) -> Result<()> {
        self.tensors += 1;
        if self.tensors > 4 * MAX_TENSORS {
            return Err(self.wrong(format!("more than {} tensors", 4 * MAX_TENSORS)));
        }
        Ok(())
    }

    /// A tensor of its storage, first number, shape and strides.
    pub(super) fn tensor_of(&mut self, ids: &[Id]) -> Result<Value<'a>> {
        match ids.first().map(|&storage| self.value(storage)) {
            Some(&Value::Storage(storage)) => self.tensor_in(storage, ids),
            _ if self.foreign.is_some() => Ok(Value::Foreign { network: false }),
            _ => Err(self.wrong("a call whose arguments are not understood")),
        }
    }

    pub(super) fn tensor_in(&mut self, storage: Storage<'a>, ids: &[Id]) -> Result<Value<'a>> {
        self.count_tensor()?;
        if !storage.kind.is_read() {
            return Ok(Value::OtherTensor("a tensor of complex or quantised numbers"));
        }
        let parts: Vec<&Value<'a>> = ids.iter().skip(1).take(3).map(|&part| self.value(part)).collect();
        let [Value::Int(offset), Value::Tuple(shape), Value::Tuple(strides)] = parts[..] else {
            return Err(self.wrong("a call whose arguments are not understood"));
        };
        let integers = |ids: &[Id]| -> Option<Vec<i64>> {
            let integer = |&id: &Id| if let Value::Int(number) = self.value(id) { Some(*number) } else { None };
            ids.iter().map(integer).collect()
        };
        let small = shape.len() == strides.len() && shape.len() <= 8;
        let sides = if small { integers(shape).zip(integers(strides)) } else { None };
        let offset = offset.checked_add(storage.begin);
        let (Some((shape, strides)), Some(offset)) = (sides, offset) else {
            return Err(self.wrong("a tensor whose shape is not understood"));
        };
        Ok(Value::Tensor(Box::new(TensorRecord {
            kind: storage.kind,
            storage: storage.name.to_string(),
            storage_count: storage.count,
            offset,
            shape,
            strides,
        })))
    }

    pub(super) fn persistent(&mut self) -> Result<()> {
        let parts = self.pop()?;
        let not_understood = |machine: &Self| machine.wrong("a storage that is not understood");
        let Value::Tuple(parts) = self.value(parts) else { return Err(not_understood(self)) };
        let parts: Vec<&Value<'a>> = parts.iter().take(MAX_ARGUMENTS).map(|&part| self.value(part)).collect();
        let [
            Value::Text("storage"),
            Value::Global(Global::Storage(kind)),
            name,
            Value::Text(_),
            Value::Int(count),
            rest @ ..,
        ] = &parts[..]
        else {
            // The class of a network and its source, which the old form keeps of networks saved whole.
            if self.foreign.is_some() {
                self.make(Value::Foreign { network: false });
                return Ok(());
            }
            return Err(not_understood(self));
        };
        let Value::Text(name) = name else { return Err(not_understood(self)) };
        // The old form has one more: what part of another storage it is, which is nothing where it is its own.
        let begin = match rest {
            [] | [Value::None] => 0,
            [Value::Tuple(view)] => match view.get(1).map(|&begin| self.value(begin)) {
                Some(Value::Int(begin)) if view.len() == 3 => *begin,
                _ => return Err(not_understood(self)),
            },
            _ => return Err(not_understood(self)),
        };
        let plain = !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (true, Ok(count)) = (plain, u64::try_from(*count)) else { return Err(not_understood(self)) };
        let storage = Storage { kind: *kind, name, count, begin };
        let held = (storage.kind, count);
        if *self.storages.entry(storage.name).or_insert(held) != held {
            return Err(self.wrong(format!("storage {} has two sizes or types", storage.name)));
        }
        if self.storages.len() > MAX_TENSORS {
            return Err(self.wrong(format!("more than {MAX_TENSORS} storages")));
        }
        self.make(Value::Storage(storage));
        Ok(())
    }
}

/// Whether a name is one that checkpoints of networks never need, and harmful programs do.
fn is_of_the_system(module: &str, name: &str) -> bool {
    const MODULES: [&str; 13] = [
        "os",
        "posix",
        "nt",
        "sys",
        "subprocess",
        "shutil",
        "socket",
        "runpy",
        "pty",
        "ctypes",
        "importlib",
        "webbrowser",
        "commands",
    ];
    const BUILTINS: [&str; 9] =
        ["eval", "exec", "execfile", "compile", "open", "getattr", "setattr", "__import__", "apply"];
    let builtin = matches!(module, "builtins" | "__builtin__") && BUILTINS.contains(&name);
    builtin || MODULES.contains(&module.split('.').next().unwrap_or_default())
}
