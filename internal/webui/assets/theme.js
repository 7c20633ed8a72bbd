// Sets the colours before anything is drawn; this file blocks the page for that, and does nothing else.
(() => {
  try {
    const theme = localStorage.getItem('nsviz-theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch { /* storage may be forbidden: then the system's colours apply */ }
})();
