// What a person does in JupyterLab, by way of its own application object: `window.lab`.
(() => {
  const app = () => window.jupyterapp; // --LabApp.expose_app_in_browser puts it there
  const panelOf = (path) => [...app().shell.widgets("main")].find((widget) => widget.context?.path === path);
  const outputsOf = (cell) => cell.model.outputs.toJSON();

  window.lab = {
    open: async (path) => {
      const panel = await app().commands.execute("docmanager:open", { path, factory: "Notebook" });
      await panel.context.ready;
      await panel.sessionContext.ready;
      await panel.sessionContext.session.kernel.info;
    },
    sources: (path) => panelOf(path).content.widgets.map(({ model }) => [model.type, model.sharedModel.source]),
    add: (path, source) => {
      const notebook = panelOf(path).content.model.sharedModel;
      notebook.insertCell(notebook.cells.length, { cell_type: "code", source });
      return notebook.cells.length - 1;
    },
    run: async (path, index) => {
      const panel = panelOf(path);
      app().shell.activateById(panel.id);
      panel.content.deselectAll();
      panel.content.activeCellIndex = index;
      await app().commands.execute("notebook:run-cell");
      return outputsOf(panel.content.widgets[index]);
    },
    outputs: (path, index) => outputsOf(panelOf(path).content.widgets[index]),
    clear: (path, index) => panelOf(path).content.widgets[index].model.clearExecution(),
    fold: (path, index, folded) => {
      panelOf(path).content.widgets[index].outputHidden = folded;
    },
    scrollTo: (path, index) => panelOf(path).content.scrollToItem(index, "center"),
    save: (path) => panelOf(path).context.save(),
    close: async (path) => {
      const panel = panelOf(path);
      await panel.context.save();
      panel.close();
    },
    // As when the page is left: calls end, kernels end, tabs close, and nobody is asked whether to save.
    leave: async () => {
      window.dispatchEvent(new PageTransitionEvent("pagehide"));
      for (const panel of [...app().shell.widgets("main")].filter((widget) => widget.context)) {
        await panel.sessionContext.shutdown();
        panel.dispose();
      }
    },
    theme: (theme) => app().commands.execute("apputils:change-theme", { theme }),
  };
})();
