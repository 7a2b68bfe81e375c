import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** One import, re-export, dynamic import, require or import type of a file. */
export interface SourceImport {
  /** Path below src with slashes: `outward/engine/lane.ts`. */
  file: string;
  line: number;
  /** As written. */
  specifier: string;
  /** Nothing of it is left when the program runs. */
  typeOnly: boolean;
  /** Names asked for by `import { ... }`; undefined for every other form. */
  names: string[] | undefined;
  /** Path below src of an own file, `../test/...` for one of the tests; undefined for a library. */
  target: string | undefined;
}

/** Every TypeScript file below a directory, by its path with slashes. */
export function readSources(directory: string): Map<string, string> {
  const sources = new Map<string, string>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    sources.set(path.slice(directory.length).replaceAll('\\', '/').replace(/^\//, ''), readFileSync(path, 'utf8'));
  }
  return new Map([...sources].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** By the parser of the language itself, so that comments and texts do not count and every form of import does. */
export function importsOf(file: string, text: string): SourceImport[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const imports: SourceImport[] = [];
  const add = (specifier: ts.Node, typeOnly: boolean, names?: string[]) => {
    if (!ts.isStringLiteralLike(specifier)) return;
    const target = specifier.text.startsWith('.') ? posix.normalize(posix.join(posix.dirname(file), specifier.text)).replace(/\.js$/, '.ts') : undefined;
    imports.push({ file, line: source.getLineAndCharacterOfPosition(specifier.getStart()).line + 1, specifier: specifier.text, typeOnly, names, target });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnlyImport(node.importClause), namesOf(node.importClause));
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier) add(node.moduleSpecifier, node.isTypeOnly || isTypeOnlyExport(node.exportClause));
    else if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) add(node.moduleReference.expression, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.arguments[0] && (node.expression.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(node.expression) && node.expression.text === 'require'))) add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return imports;
}

function isTypeOnlyImport(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.isTypeOnly) return true;
  return !clause.name && clause.namedBindings !== undefined && ts.isNamedImports(clause.namedBindings) && clause.namedBindings.elements.length > 0 && clause.namedBindings.elements.every(({ isTypeOnly }) => isTypeOnly);
}

function isTypeOnlyExport(clause: ts.NamedExportBindings | undefined): boolean {
  return clause !== undefined && ts.isNamedExports(clause) && clause.elements.length > 0 && clause.elements.every(({ isTypeOnly }) => isTypeOnly);
}

function namesOf(clause: ts.ImportClause | undefined): string[] | undefined {
  if (!clause?.namedBindings || clause.name || !ts.isNamedImports(clause.namedBindings)) return undefined;
  return clause.namedBindings.elements.map(({ name, propertyName }) => (propertyName ?? name).text);
}
