//! A crate's files, and which file needs which, as their imports say.
//!
//! An arrow runs from the file that names something to the file that defines it, through whatever
//! re-exports lie between: a parent that only passes on what its children define needs none of
//! them, and no file needs the parent for it. A method call leaves no name and no arrow, and names
//! that only tests need do not count.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// From file to file, and by which paths.
pub(crate) type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The files that need each other, and the crates that they need.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// For each file the others of its crate.
    pub(crate) files: Arrows,
    /// Every first name of a path or import: among them the crates.
    pub(crate) crates: BTreeSet<String>,
}

/// One module: what it defines, imports and mentions.
#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    globs: Vec<Vec<String>>,
    /// Paths of at least two names in its code, `use` apart.
    paths: Vec<Vec<String>>,
    /// Every name in its code, `use` apart.
    names: BTreeSet<String>,
}

struct Import {
    path: Vec<String>,
    name: String,
    is_passed_on: bool,
}

/// The target of a path.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    /// A module itself.
    Module(usize),
    /// Something that this module defines.
    Item(usize),
}

/// Reads the crate whose root is `root`; `read` gives the text of a file, if there is one.
pub(crate) fn needs(root: &str, read: &dyn Fn(&str) -> Option<String>) -> Needs {
    let mut reader = Reader {
        read,
        modules: Vec::new(),
    };
    let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
    let text = read(root).unwrap_or_else(|| panic!("{root} is missing"));
    reader.file(root, folder, None, &text);
    reader.needs()
}

struct Reader<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    modules: Vec<Module>,
}

impl Reader<'_> {
    fn file(&mut self, file: &str, folder: &str, parent: Option<usize>, text: &str) -> usize {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.module(file, folder, parent, parsed.items)
    }

    /// `folder` is where its children are.
    fn module(
        &mut self,
        file: &str,
        folder: &str,
        parent: Option<usize>,
        items: Vec<Item>,
    ) -> usize {
        let this = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            ..Module::default()
        });
        for item in items {
            if !is_for_tests(attributes(&item)) {
                self.item(this, file, folder, item);
            }
        }
        this
    }

    fn item(&mut self, this: usize, file: &str, folder: &str, item: Item) {
        match item {
            Item::Mod(inner) => {
                let name = inner.ident.to_string();
                let below = format!("{folder}/{name}");
                let child = if let Some((_, items)) = inner.content {
                    self.module(file, &below, Some(this), items)
                } else {
                    // Below a file that is named by a path its children stand beside it.
                    let named = path_of(&inner.attrs).map(|path| format!("{folder}/{path}"));
                    let beside = named.as_deref().and_then(|path| path.rsplit_once('/'));
                    let below = beside.map_or(below.clone(), |(folder, _)| folder.to_owned());
                    let usual = [format!("{folder}/{name}.rs"), format!("{below}/mod.rs")];
                    let mut all = named.into_iter().chain(usual);
                    let found = all.find_map(|path| (self.read)(&path).map(|text| (path, text)));
                    let (path, text) = found.unwrap_or_else(|| panic!("{file}: mod {name}"));
                    self.file(&path, &below, Some(this), &text)
                };
                self.modules[this].children.insert(name, child);
            }
            Item::Use(import) => {
                let is_passed_on = !matches!(import.vis, syn::Visibility::Inherited);
                self.import(this, &import.tree, &mut Vec::new(), is_passed_on);
            }
            other => {
                let module = &mut self.modules[this];
                module.defined.extend(name_of(&other));
                Names(module).visit_item(&other);
            }
        }
    }

    fn import(
        &mut self,
        this: usize,
        tree: &UseTree,
        before: &mut Vec<String>,
        is_passed_on: bool,
    ) {
        let mut add = |path: Vec<String>, name: String| {
            self.modules[this].imports.push(Import {
                path,
                name,
                is_passed_on,
            });
        };
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(this, &path.tree, before, is_passed_on);
                before.pop();
            }
            UseTree::Name(name) => {
                let mut path = before.clone();
                let name = name.ident.to_string();
                if name == "self" {
                    let last = path.last().cloned().unwrap_or_default();
                    add(path, last);
                } else {
                    path.push(name.clone());
                    add(path, name);
                }
            }
            UseTree::Rename(rename) => {
                let mut path = before.clone();
                if rename.ident != "self" {
                    path.push(rename.ident.to_string());
                }
                add(path, rename.rename.to_string());
            }
            UseTree::Glob(_) => self.modules[this].globs.push(before.clone()),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(this, tree, before, is_passed_on);
                }
            }
        }
    }

    fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        for (this, module) in self.modules.iter().enumerate() {
            let mentioned = |import: &&Import| {
                !import.is_passed_on || module.names.contains(&import.name) || import.name == "_"
            };
            let imports = module.imports.iter().filter(mentioned);
            let of_imports = imports.filter_map(|import| {
                let found = self.find(this, &import.path, 0)?;
                // Only names that are reached through a module count for it.
                matches!(found, Found::Item(_)).then_some((found, &import.path))
            });
            let of_paths = module.paths.iter();
            let of_paths = of_paths.filter_map(|path| Some((self.find(this, path, 0)?, path)));
            let of_globs = module.globs.iter();
            let of_globs = of_globs.flat_map(|path| {
                let found = self.glob(this, path);
                found.into_iter().map(move |found| (found, path))
            });
            let arrows = needs.files.entry(module.file.clone()).or_default();
            for (found, path) in of_imports.chain(of_paths).chain(of_globs) {
                let (Found::Module(target) | Found::Item(target)) = found;
                let file = &self.modules[target].file;
                if *file != module.file {
                    arrows
                        .entry(file.clone())
                        .or_default()
                        .insert(path.join("::"));
                }
            }
            let all = module.imports.iter().map(|import| &import.path);
            let all = all.chain(&module.globs).chain(&module.paths);
            needs
                .crates
                .extend(all.filter_map(|path| path.first().cloned()));
        }
        needs
    }

    /// The names that a file needs of another one, if it imports all of that one's names.
    fn glob(&self, this: usize, path: &[String]) -> Vec<Found> {
        let Some(Found::Module(target)) = self.find(this, path, 0) else {
            return Vec::new();
        };
        let mentioned = self.modules[this].names.iter();
        let found = mentioned.filter_map(|name| self.name(target, name, 0));
        found.collect()
    }

    /// Where a path leads, seen from a module; none if out of the crate.
    fn find(&self, from: usize, path: &[String], depth: u8) -> Option<Found> {
        let (first, mut rest) = path.split_first()?;
        let mut here = match first.as_str() {
            "crate" => Found::Module(0),
            "self" => Found::Module(from),
            "super" => Found::Module(self.modules[from].parent?),
            name => self.name(from, name, depth)?,
        };
        while let (Found::Module(module), Some((name, behind))) = (here, rest.split_first()) {
            here = if name == "super" {
                Found::Module(self.modules[module].parent?)
            } else {
                self.name(module, name, depth)?
            };
            rest = behind;
        }
        Some(here)
    }

    /// The item that a name means in a module.
    fn name(&self, module: usize, name: &str, depth: u8) -> Option<Found> {
        // Imports that go round are no Rust.
        let depth = depth.checked_add(1).filter(|depth| *depth < 16)?;
        let here = &self.modules[module];
        if let Some(&child) = here.children.get(name) {
            return Some(Found::Module(child));
        }
        if here.defined.contains(name) {
            return Some(Found::Item(module));
        }
        let mut imports = here.imports.iter().filter(|import| import.name == name);
        let found = imports.find_map(|import| {
            let is_itself = import.path.first().is_some_and(|first| first == name);
            (!is_itself).then(|| self.find(module, &import.path, depth))?
        });
        found.or_else(|| {
            here.globs
                .iter()
                .find_map(|path| match self.find(module, path, depth)? {
                    Found::Module(target) if target != module => self.name(target, name, depth),
                    _ => None,
                })
        })
    }
}

/// Collects what code names.
struct Names<'a>(&'a mut Module);

impl Names<'_> {
    fn path(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.0.paths.push(path);
        }
    }

    /// The paths in what a macro gets: it is no Rust before the macro has made some of it.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    self.0.names.insert(name.to_string());
                    if colons != 2 {
                        self.path(std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.path(std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.path(path);
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.path(names.collect());
        visit::visit_path(self, path);
    }

    fn visit_ident(&mut self, name: &'ast proc_macro2::Ident) {
        self.0.names.insert(name.to_string());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }

    // Who may see something is not what it needs.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    // Imports within a function are paths like others.
    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        let mut before = Vec::new();
        inner_use(&import.tree, &mut before, &mut |path| self.path(path));
    }
}

fn inner_use(tree: &UseTree, before: &mut Vec<String>, add: &mut dyn FnMut(Vec<String>)) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            inner_use(&path.tree, before, add);
            before.pop();
        }
        UseTree::Name(syn::UseName { ident }) | UseTree::Rename(syn::UseRename { ident, .. }) => {
            let mut path = before.clone();
            path.push(ident.to_string());
            add(path);
        }
        UseTree::Glob(_) => add(before.clone()),
        UseTree::Group(group) => {
            for tree in &group.items {
                inner_use(tree, before, add);
            }
        }
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether only tests have it.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => {
            list.path.is_ident("cfg") && list.tokens.to_string().starts_with("test")
        }
        _ => false,
    })
}

/// The path in `#[path = "..."]`.
fn path_of(attributes: &[Attribute]) -> Option<String> {
    attributes
        .iter()
        .find_map(|attribute| match &attribute.meta {
            syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                syn::Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Str(text),
                    ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
}
