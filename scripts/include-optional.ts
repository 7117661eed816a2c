/*
 * Makes ordinary dependencies of the packages that need not be installed, in the versions that the tests run with: an image has
 * everything that a source or a provider may ask for. Changes package.json in the current folder; used by the Dockerfile.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const description = JSON.parse(readFileSync('package.json', 'utf8'));
for (const name of Object.keys(description.peerDependencies)) {
  description.dependencies[name] = description.devDependencies[name];
  delete description.devDependencies[name];
}
delete description.peerDependencies;
delete description.peerDependenciesMeta;
writeFileSync('package.json', `${JSON.stringify(description, null, 2)}\n`);
